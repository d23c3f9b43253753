//! History. What clocks hold and do is in `lib/clock/`: to make an object that the core keeps would
//! cost more than all that is done with it. What comes from outside is judged here, so that
//! JavaScript reads nothing that the core would not.

pub mod forms;
