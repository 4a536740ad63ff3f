//! `ngxc diff`: what requests two configurations treat differently, and which settings differ.

mod entry;
mod git;
mod human;
mod machine;
mod output;
mod settings;
mod side;
mod upgrade;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use self::output::{Format, outcome, print};
use self::side::{ComparedInputs, LoadedSide};
use super::input::Input;
use super::meaning::{Meaning, parse_version};
use super::{Failure, Outcome};
use crate::behaviour::diff::class::Class;
use crate::behaviour::diff::compare;
use crate::source::Disk;
use crate::version::Version;

/// Arguments of `ngxc diff`.
#[derive(Args)]
pub(super) struct DiffArgs {
    /// The old configuration, a dump of `nginx -T`, or a directory with `nginx.conf`.
    #[arg(value_name = "OLD")]
    old: PathBuf,

    /// The new configuration.
    #[arg(value_name = "NEW", required_unless_present_any = ["git", "versions"], conflicts_with_all = ["git", "versions"])]
    new: Option<PathBuf>,

    /// Compare OLD as it is in this revision with OLD as it is now.
    #[arg(long, value_name = "REV", conflicts_with = "versions")]
    git: Option<String>,

    /// Compare what OLD means for two versions of nginx: `1.28,1.30`.
    #[arg(long, value_name = "FROM,TO", value_parser = versions)]
    versions: Option<(Version, Version)>,

    #[command(flatten)]
    meaning: Meaning,

    /// Exit with 1 only for differences of these classes: `access,routing` [default: all].
    #[arg(long, value_name = "CLASS", value_delimiter = ',', value_parser = parse_class)]
    fail_on_class: Vec<Class>,

    /// Form of the differences.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

fn versions(text: &str) -> Result<(Version, Version), String> {
    let (from, to) = text.split_once(',').ok_or("expected two versions with a comma between: `1.28,1.30`")?;
    Ok((parse_version(from.trim())?, parse_version(to.trim())?))
}

fn parse_class(text: &str) -> Result<Class, String> {
    let names: Vec<&str> = Class::ALL.iter().map(|(_, name)| *name).collect();
    Class::named(text)
        .ok_or_else(|| format!("no class is called `{text}`; expected one of {}", names.join(", ")))
}

pub(super) fn run(args: &mut DiffArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let old_file = main_file(&args.old);
    let mut input = Input { file: old_file.clone(), meaning: args.meaning.clone() };
    input.settle()?;
    if let Some((from, to)) = args.versions {
        return upgrade::run(&input, (from, to), args.format, &args.fail_on_class, out);
    }
    let (old, new, names) = match (&args.git, &args.new) {
        (Some(revision), _) => {
            let repository = git::Repository::of(&old_file, revision)?;
            let old = LoadedSide::new(&input, &repository)?;
            (old, LoadedSide::new(&input, &Disk)?, [revision.clone(), "the files".to_owned()])
        }
        (None, Some(new)) => {
            let new_file = main_file(new);
            let mut other = Input { file: new_file.clone(), meaning: args.meaning.clone() };
            other.settle()?;
            let names = [old_file.display().to_string(), new_file.display().to_string()];
            (LoadedSide::new(&input, &Disk)?, LoadedSide::new(&other, &Disk)?, names)
        }
        (None, None) => {
            return Err(Failure::new("there is nothing to compare with")
                .help("name a second file, or say `--git HEAD`"));
        }
    };
    let make = |text: String| side::made(&input, text);
    let compared = compare(old.side(), new.side(), Some(&make));
    let sides = ComparedInputs { old: &old, new: &new, names };
    let report = entry::report(&sides, &compared);
    print(&report, &sides, args.format, out)?;
    Ok(outcome(&report, &args.fail_on_class))
}

/// The main file of a directory.
fn main_file(path: &Path) -> PathBuf {
    let main = path.join("nginx.conf");
    if path.is_dir() && main.is_file() { main } else { path.to_owned() }
}
