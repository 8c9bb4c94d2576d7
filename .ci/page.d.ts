// What the scripts of a page add to what the browser has.

/** A node of a diagram or a row of a table: what the page's document says of it, and what drawing it leaves there. */
interface Part { [said: string]: any }

/** Whatever is pressed or clicked in these pages is an element. */
interface EventTarget { closest?(selectors: string): any }

/** A frame is found by a selector and cloned: both give the browser's wider types. */
interface Node { srcdoc?: string }
