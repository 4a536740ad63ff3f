//! Template languages with statements: Jinja, Go (Helm, confd, consul-template, docker-gen), ERB and Terraform's.

use std::path::Path;

/// Language of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Language {
    /// `${NAME}`
    Envsubst,
    /// `{{ name }}`, `{% if … %}`, `{# … #}`
    Jinja,
    /// `{{ .Values.name }}`, `{{- if … }}`
    Go,
    /// `<%= @name %>`, `<% if … %>`
    Erb,
    /// `${name}`, `%{ if … }`
    Terraform,
}

/// Properties of a language.
pub(super) struct Facts {
    language: Language,
    /// Name for people.
    name: &'static str,
    /// Name for `--template`.
    option: &'static str,
    /// Command or program that renders the template.
    render: &'static str,
    /// Endings of the file names.
    endings: &'static [&'static str],
    /// Start and end of the tags.
    pub(super) tags: &'static [(&'static str, &'static str)],
}

const FACTS: [Facts; 5] = [
    Facts {
        language: Language::Envsubst,
        name: "envsubst",
        option: "envsubst",
        render: "`envsubst < FILE`",
        endings: &[],
        tags: &[],
    },
    Facts {
        language: Language::Jinja,
        name: "Jinja",
        option: "jinja",
        render: "with Ansible's `template`, or `jinja2 FILE`",
        endings: &[".j2", ".jinja", ".jinja2"],
        tags: &[("{{", "}}"), ("{%", "%}"), ("{#", "#}")],
    },
    Facts {
        language: Language::Go,
        name: "Go's template language",
        option: "go",
        render: "with `helm template`, `gomplate -f FILE` or the program that it is written for",
        endings: &[".gotmpl", ".ctmpl", ".tmpl", ".tpl", ".template"],
        tags: &[("{{", "}}")],
    },
    Facts {
        language: Language::Erb,
        name: "ERB",
        option: "erb",
        render: "with `erb FILE`, Puppet or Chef",
        endings: &[".erb"],
        tags: &[("<%", "%>")],
    },
    Facts {
        language: Language::Terraform,
        name: "Terraform's template language",
        option: "terraform",
        render: "with `templatefile` in `terraform console`",
        endings: &[".tftpl", ".tfpl"],
        tags: &[("${", "}"), ("%{", "}")],
    },
];

impl Language {
    /// All languages, by their name for `--template` and settings.
    pub const OPTIONS: [(&str, Language); 5] = [
        (FACTS[0].option, FACTS[0].language),
        (FACTS[1].option, FACTS[1].language),
        (FACTS[2].option, FACTS[2].language),
        (FACTS[3].option, FACTS[3].language),
        (FACTS[4].option, FACTS[4].language),
    ];

    pub(super) fn facts(self) -> &'static Facts {
        FACTS.iter().find(|f| f.language == self).unwrap_or(&FACTS[0])
    }

    /// Name for people.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// Name for `--template`.
    pub fn option(self) -> &'static str {
        self.facts().option
    }

    /// Command or program that renders the template.
    pub fn render(self) -> &'static str {
        self.facts().render
    }

    /// Language of a file by its name.
    pub(super) fn of_name(path: &Path) -> Option<Self> {
        let name = path.as_os_str().as_encoded_bytes();
        let has = |f: &&Facts| f.endings.iter().any(|ending| name.ends_with(ending.as_bytes()));
        FACTS.iter().find(has).map(|f| f.language)
    }
}
