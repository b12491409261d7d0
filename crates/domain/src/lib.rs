//! The rules of the game: pure and synchronous, without clock, random source or I/O.
