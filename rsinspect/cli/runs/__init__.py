"""Commands about measurements that are kept, a module each."""
