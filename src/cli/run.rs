//! `lowtide run`: the daemon, in the foreground.

use super::exit::Exit;
use super::report::Problem;
use super::{Context, password};
use crate::daemon;

pub(super) async fn run(context: &Context) -> Result<Exit, Problem> {
    let config = context.config()?;
    password::ensure(&config.endpoint.password)?;
    daemon::run(&context.config_path, config).await?;
    Ok(Exit::Done)
}
