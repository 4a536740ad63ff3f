//! The rules that apply, and the levels of their findings: profiles, and levels by name.

use std::collections::BTreeMap;

use super::{Category, RULES, Rule};
use crate::catalog::closest;
use crate::diagnostic::{Class, Diagnostic, Level, names};

/// A set of rules to start from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// Only what is about the reuse of upstream connections.
    Reuse,
    /// Rules that are worth a look in nearly every configuration.
    #[default]
    Recommended,
    /// Every rule, also those that are off elsewhere, and nothing is less than a warning.
    Strict,
}

impl Profile {
    /// Every profile, by the name that it has in settings.
    pub const NAMES: [(&str, Profile); 3] =
        [("reuse", Profile::Reuse), ("recommended", Profile::Recommended), ("strict", Profile::Strict)];
}

/// The levels that settings can give, by name; `None` is off.
pub const LEVELS: [(&str, Option<Level>); 4] = [
    ("error", Some(Level::Error)),
    ("warning", Some(Level::Warning)),
    ("info", Some(Level::Info)),
    ("off", None),
];

/// The treatment of the findings of each rule: their level, or `None` for a rule that is off.
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
    Err(match closest(name.as_bytes(), all_names().map(|(name, _)| name)) {
        Some(near) => format!("no rule and no category is called `{name}`; did you mean `{near}`?"),
        None => format!("no rule and no category is called `{name}`; `ngxc rules` lists them"),
    })
}

/// Every name that a level or a suppression can have, with what it stands for: categories, rules, other diagnostics.
pub fn all_names() -> impl Iterator<Item = (&'static str, String)> {
    let categories =
        Category::ALL.iter().map(|c| (c.name(), format!("every rule of the category {}", c.name())));
    let rules = RULES.iter().map(|rule| (rule.name, rule.summary.to_owned()));
    categories.chain(rules).chain(names::NAMES.iter().map(|(name, docs)| (*name, (*docs).to_owned())))
}

/// Says what is wrong with the name of a rule, a category or a diagnostic.
///
/// # Errors
/// If there is none of that name; says which one was probably meant.
pub fn check_name(name: &str) -> Result<(), String> {
    if names::named(name).is_some() { Ok(()) } else { named(name).map(|_| ()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selecting_a_category_switches_the_rest_off() {
        let mut settings = Settings::of(Profile::Recommended);
        settings.select(&["security".to_owned()]).unwrap();
        assert_eq!(settings.level("upstream-not-pooled"), None);
    }
}
