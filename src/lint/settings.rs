//! Which rules apply, and how bad their findings are: profiles, `ngxc.toml`, the command line.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Category, RULES, Rule};
use crate::catalog::{Release, closest, release};
use crate::diagnostic::names;
use crate::diagnostic::{Class, Diagnostic, Level};
use crate::version::Version;

/// A set of rules to start from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Only what is about the reuse of upstream connections.
    Reuse,
    /// What is worth a look in nearly every configuration.
    #[default]
    Recommended,
    /// Every rule, also those that are off elsewhere, and nothing is less than a warning.
    Strict,
}

/// What happens with the findings of each rule: their level, or `None` for a rule that is off.
#[derive(Clone, Debug)]
pub struct Settings {
    levels: BTreeMap<&'static str, Option<Level>>,
    /// Diagnostics that are no rules, and whose level was set.
    others: BTreeMap<&'static str, Option<Level>>,
}

impl Settings {
    /// The settings of a profile.
    pub fn of(profile: Profile) -> Self {
        let level = |rule: &Rule| match profile {
            Profile::Reuse => (rule.category == Category::Reuse).then_some(rule.level),
            Profile::Recommended => rule.recommended.then_some(rule.level),
            Profile::Strict => Some(rule.level.max(Level::Warning)),
        };
        Self { levels: RULES.iter().map(|rule| (rule.name, level(rule))).collect(), others: BTreeMap::new() }
    }

    /// Sets the level of a rule, of every rule of a category, or of a diagnostic that is no rule.
    ///
    /// # Errors
    /// If there is no rule or category of that name; says which one was probably meant.
    pub fn set(&mut self, name: &str, level: Option<Level>) -> Result<(), String> {
        if let Some((name, _)) = names::named(name) {
            self.others.insert(name, level);
            return Ok(());
        }
        for rule in named(name)? {
            self.levels.insert(rule.name, level);
        }
        Ok(())
    }

    /// Switches off everything but the named rules and categories.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn select(&mut self, names: &[String]) -> Result<(), String> {
        let mut chosen = Vec::new();
        for name in names {
            chosen.extend(named(name)?.into_iter().map(|rule| rule.name));
        }
        for (name, level) in &mut self.levels {
            if !chosen.contains(name) {
                *level = None;
            } else if level.is_none() {
                *level = RULES.iter().find(|r| r.name == *name).map(|r| r.level);
            }
        }
        Ok(())
    }

    /// The rules that are on.
    pub fn rules(&self) -> Vec<&'static Rule> {
        RULES.iter().copied().filter(|r| self.level(r.name).is_some()).collect()
    }

    /// The level of a rule's findings, unless the finding itself is less.
    pub fn level(&self, name: &str) -> Option<Level> {
        self.levels.get(name).copied().flatten()
    }

    /// Gives findings that are no rules the level that was set for their name; those that are off are taken out.
    /// Returns how many of them nginx refuses.
    pub fn settle(&self, findings: &mut Vec<Diagnostic>) -> usize {
        let mut hidden = 0;
        findings.retain_mut(|finding| {
            if finding.class == Class::Rule {
                return true;
            }
            let refused = finding.level == Level::Error;
            match self.others.get(finding.code) {
                None => true,
                Some(None) => {
                    hidden += usize::from(refused);
                    false
                }
                Some(Some(level)) => {
                    finding.lowered |= refused && *level < Level::Error;
                    finding.level = *level;
                    true
                }
            }
        });
        hidden
    }

    /// Gives findings of rules their level. A rule may make a finding milder than its own level; it stays so unless
    /// the settings changed the rule's level.
    pub fn apply(&self, findings: &mut [Diagnostic]) {
        for finding in findings.iter_mut().filter(|f| f.class == Class::Rule) {
            let own = RULES.binary_search_by_key(&finding.code, |r| r.name).ok().map(|at| RULES[at].level);
            match (self.level(finding.code), own) {
                (Some(level), Some(own)) if level != own => finding.level = level,
                _ => {}
            }
        }
    }
}

/// The rules that a name means: one rule, or all of a category.
fn named(name: &str) -> Result<Vec<&'static Rule>, String> {
    let found: Vec<&'static Rule> =
        RULES.iter().copied().filter(|r| r.name == name || r.category.name() == name).collect();
    if !found.is_empty() || Category::ALL.iter().any(|c| c.name() == name) {
        return Ok(found);
    }
    let names = RULES.iter().map(|r| r.name).chain(Category::ALL.iter().map(|c| c.name()));
    let names = names.chain(names::NAMES.iter().map(|(name, _)| *name));
    Err(match closest(name.as_bytes(), names) {
        Some(near) => format!("no rule and no category is called `{name}`; did you mean `{near}`?"),
        None => format!("no rule and no category is called `{name}`; `ngxc rules` lists them"),
    })
}

/// `ngxc.toml`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct File {
    /// The nginx that the configurations are meant for.
    #[serde(alias = "nginx_version")]
    pub nginx_version: Option<String>,
    /// The profile to start from.
    pub profile: Option<Profile>,
    /// Patterns of files that are not linted, relative to the settings file.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Directories that lie elsewhere: `"/etc/nginx" = "nginx"`, the second relative to the settings file.
    #[serde(default, alias = "path_map")]
    pub path_map: BTreeMap<String, String>,
    /// Levels of rules and categories.
    #[serde(default)]
    pub rules: BTreeMap<String, Setting>,
}

/// The level of a rule in `ngxc.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Setting {
    /// `"error"`
    Error,
    /// `"warning"`
    Warning,
    /// `"info"`
    Info,
    /// `"off"`
    Off,
}

impl Setting {
    /// The level; `None` for off.
    pub fn level(self) -> Option<Level> {
        match self {
            Setting::Error => Some(Level::Error),
            Setting::Warning => Some(Level::Warning),
            Setting::Info => Some(Level::Info),
            Setting::Off => None,
        }
    }
}

impl File {
    /// Reads the text of `ngxc.toml`.
    ///
    /// # Errors
    /// If it is not TOML, has a key or word that there is not, names a rule that there is not, or a version that
    /// is none; with the place.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        for name in file.rules.keys().filter(|name| names::named(name).is_none()) {
            named(name)?;
        }
        if let Some(version) = &file.nginx_version {
            release(version)?;
        }
        Ok(file)
    }

    /// The version it names; [`parse`](Self::parse) has checked it.
    pub fn version(&self) -> Option<Version> {
        self.release().map(|release| release.version)
    }

    /// The same, and whether it is newer than the data.
    pub fn release(&self) -> Option<Release> {
        release(self.nginx_version.as_ref()?).ok()
    }

    /// The settings it asks for; `profile` of the command line comes before its own. A rule's own level comes before
    /// that of its category.
    ///
    /// # Errors
    /// If it names a rule that there is not.
    pub fn settings(&self, profile: Option<Profile>) -> Result<Settings, String> {
        let mut settings = Settings::of(profile.or(self.profile).unwrap_or_default());
        let is_category = |name: &str| Category::ALL.iter().any(|c| c.name() == name);
        let (categories, rules): (Vec<_>, Vec<_>) =
            self.rules.iter().partition(|(name, _)| is_category(name));
        for (name, setting) in categories.into_iter().chain(rules) {
            settings.set(name, setting.level())?;
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settings_file_sets_levels_and_a_rule_comes_before_its_category() {
        let text = "profile = \"recommended\"\n[rules]\nreuse = \"off\"\nupstream-not-pooled = \"error\"\n";
        let settings = File::parse(text).unwrap().settings(None).unwrap();
        assert_eq!(settings.level("upstream-not-pooled"), Some(Level::Error));
        assert_eq!(settings.level("connection-header-lost"), None);
        assert!(settings.rules().iter().any(|r| r.name == "upstream-not-pooled"));
    }

    #[test]
    fn what_is_wrong_in_a_settings_file_is_said() {
        let cases = [
            ("[rules]\nupstream-not-poled = \"off\"\n", "did you mean `upstream-not-pooled`?"),
            ("[rules]\nupstream-not-pooled = \"loud\"\n", "unknown variant `loud`"),
            ("nginx_version = \"1.x\"\n", "`1.x` is no nginx version"),
            ("profil = \"strict\"\n", "unknown field `profil`"),
        ];
        for (text, expected) in cases {
            let error = File::parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn selecting_a_category_switches_the_rest_off() {
        let mut settings = Settings::of(Profile::Recommended);
        settings.select(&["security".to_owned()]).unwrap();
        assert_eq!(settings.level("upstream-not-pooled"), None);
    }
}
