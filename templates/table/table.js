// Tables that are sorted, filtered, narrowed to some columns and copied.
