//! `lowtide completions` and `lowtide man`: for those who package lowtide.

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::Arguments;
use super::exit::Exit;
use super::output::Output;
use super::report::Problem;

pub(super) fn completions(out: &Output, shell: Shell) -> Result<Exit, Problem> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "lowtide", &mut script);
    out.document(&script)?;
    Ok(Exit::Done)
}

/// One page with every verb, as roff.
pub(super) fn man(out: &Output) -> Result<Exit, Problem> {
    let mut page = Vec::new();
    let mut command = Arguments::command();
    command.build();
    let man = clap_mangen::Man::new(command.clone()).manual("lowtide");
    let mut render = || -> std::io::Result<()> {
        man.render_title(&mut page)?;
        man.render_name_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        man.render_subcommands_section(&mut page)?;
        man.render_extra_section(&mut page)?;
        man.render_version_section(&mut page)
    };
    render().map_err(|error| Problem::output(&error))?;
    out.document(&page)?;
    Ok(Exit::Done)
}
