//! The API from outside: through its router, and where that is what matters, through a socket. Every row of the API's
//! table of faults has a test here.

mod deploying;
mod documents;
mod fleet;
mod fuzz;
mod gate;
mod hosts;
mod jobs;
mod letters;
mod limits;
mod logs;
mod modules;
mod page;
mod rig;
mod shapes;
mod sockets;
mod tenants;
mod tls;
mod tokens;
mod traces;
mod versions;
