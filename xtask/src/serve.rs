//! `cargo xtask run`.

use crate::build;
use crate::profile::Profile;
use crate::{setup, wrangler};
use anyhow::Result;

/// Builds, serves, and says where.
pub(crate) fn run(port: u16, profile: Profile) -> Result<()> {
    // Before minutes of building, and not after.
    wrangler::check_port(port)?;
    let tools = setup::tools()?;
    build::all(&tools, profile)?;
    wrangler::check_port(port)?;
    let mut server = wrangler::Server::start(&tools, port)?;
    server.wait_until_it_answers()?;
    println!("\nPartyline is at http://localhost:{port}  (Ctrl-C ends it)");
    server.wait()
}
