//! Keys of text: what is compared, searched and filtered, never what is published.
