//! `config show`: every value in force, without secrets, and where it came from.

use super::{Config, server_named, spelling, variable};
use crate::args::{Format, ServerArgs};
use crate::exit::Outcome;
use crate::print;
use anyhow::Context;
use dreamops_domain::phase::Mode;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use toml::de::{DeTable, DeValue};

/// What stands for a secret.
const SET: &str = "(set, not shown)";

/// The keys of a file, each with its line.
#[derive(Default)]
struct Lines(Vec<(String, usize)>);

impl Lines {
    fn of(text: &str) -> Self {
        let mut lines = Self::default();
        if let Ok(table) = DeTable::parse(text) {
            lines.walk(text, "", table.get_ref());
        }
        lines
    }

    fn walk(&mut self, text: &str, above: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let path = if above.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{above}.{}", key.get_ref())
            };
            match value.get_ref() {
                DeValue::Table(inner) => self.walk(text, &path, inner),
                _ => self.0.push((path, spelling::line_of(text, key.span().start))),
            }
        }
    }

    fn line(&self, key: &str) -> Option<usize> {
        self.0.iter().find(|(path, _)| path == key).map(|(_, line)| *line)
    }
}

/// Collects values with their origins.
struct Listing<'a> {
    file: &'a Path,
    lines: Lines,
    values: Vec<Value>,
}

impl Listing<'_> {
    /// A value, the key of the file that gives it (none if empty), and the variables that do.
    fn add(&mut self, name: &str, key: &str, variables: &[&str], value: impl Into<Value>) {
        let origin = variables
            .iter()
            .find(|v| variable(v).is_some())
            .map(|v| format!("environment {v}"))
            .or_else(|| {
                let line = self.lines.line(key)?;
                Some(format!("file {} line {line}", self.file.display()))
            })
            .unwrap_or_else(|| "default".to_owned());
        self.push(name, value, &origin);
    }

    fn push(&mut self, name: &str, value: impl Into<Value>, origin: &str) {
        self.values
            .push(json!({ "name": name, "value": value.into(), "origin": origin }));
    }
}

/// Prints it.
pub(crate) fn run(format: Format, flags: &ServerArgs) -> Outcome {
    let config = Config::load()?;
    let values = listed(&config, flags)?;
    if format == Format::Table {
        let columns = [("NAME", "name"), ("VALUE", "value"), ("FROM", "origin")];
        let list = crate::desk::List {
            items: values,
            next_cursor: None,
        };
        print::list(&list, &columns, format, "")?;
    } else {
        print::document(&json!({ "items": values, "next_cursor": null }), format)?;
    }
    Ok(0)
}

fn listed(config: &Config, flags: &ServerArgs) -> anyhow::Result<Vec<Value>> {
    let text = match &config.file {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
        None => String::new(),
    };
    let mut all = Listing {
        file: config.file.as_deref().unwrap_or(Path::new("")),
        lines: Lines::of(&text),
        values: Vec::new(),
    };
    places(&mut all, config);
    commands(&mut all, flags);
    let yolo = super::switch("K8S_ENABLE_DESTRUCTIVE_OPERATIONS")?.unwrap_or(false);
    let by_variable: &[&str] = if yolo {
        &["K8S_ENABLE_DESTRUCTIVE_OPERATIONS"]
    } else {
        &[]
    };
    all.add("mode", "mode", by_variable, Mode::name(config.mode));
    server(&mut all, config);
    patience(&mut all, config);
    rules(&mut all, config)?;
    plugins(&mut all, config);
    all.add(
        "https_proxy",
        "",
        &["HTTPS_PROXY", "https_proxy"],
        without_password(&config.https_proxy),
    );
    all.add("no_proxy", "", &["NO_PROXY", "no_proxy"], config.no_proxy.clone());
    all.add("log", "", &["RUST_LOG"], super::log_filter());
    Ok(all.values)
}

fn places(all: &mut Listing<'_>, config: &Config) {
    let file = config.file.as_ref().map(|path| path.display().to_string());
    all.add("config", "", &["DREAMOPS_CONFIG"], file);
    all.add(
        "data_dir",
        "data_dir",
        &["DREAMOPS_DATA_DIR"],
        config.data_dir.display().to_string(),
    );
    let database = match &config.database_url {
        Some(url) => without_password(url),
        None => config
            .database_file()
            .map_or_else(String::new, |f| format!("sqlite:{}", f.display())),
    };
    all.add("database", "", &["DATABASE_URL"], database);
    let keys = match &config.encryption_keys {
        Some(_) => SET.to_owned(),
        None => config
            .key_dir
            .join(dreamops_vault::file::KEY_FILE)
            .display()
            .to_string(),
    };
    all.add("encryption_keys", "", &["DREAMOPS_ENCRYPTION_KEYS"], keys);
}

fn commands(all: &mut Listing<'_>, flags: &ServerArgs) {
    let place = server_named(flags);
    let url = place.as_ref().map(|place| without_password(&place.url));
    let authorities = place.and_then(|place| Some(place.authorities?.display().to_string()));
    match &flags.server {
        Some(_) => all.push("server", url, "flag --server"),
        None => all.add("server", "", &["DREAMOPS_SERVER"], url),
    }
    match &flags.server_ca {
        Some(_) => all.push("server_ca", authorities, "flag --server-ca"),
        None => all.add("server_ca", "", &["DREAMOPS_SERVER_CA"], authorities),
    }
    let token = variable("DREAMOPS_TOKEN").map(|_| SET);
    all.add("token", "", &["DREAMOPS_TOKEN"], token);
}

fn server(all: &mut Listing<'_>, config: &Config) {
    let server = &config.server;
    all.add(
        "server.listen",
        "server.listen",
        &["DREAMOPS_LISTEN"],
        server.listen.clone(),
    );
    all.add("server.workers", "server.workers", &[], server.workers);
    let tls = |file: fn(&super::TlsFiles) -> &Path| server.tls.as_ref().map(|tls| file(tls).display().to_string());
    all.add(
        "server.tls_certificate",
        "server.tls_certificate",
        &["DREAMOPS_TLS_CERTIFICATE"],
        tls(|t| &t.certificate),
    );
    all.add(
        "server.tls_key",
        "server.tls_key",
        &["DREAMOPS_TLS_KEY"],
        tls(|t| &t.key),
    );
    all.add("kubernetes", "", &["K8S_ENABLED"], server.kubernetes);
    let admin = server.admin_token.as_ref().map(|_| SET);
    all.add("admin_token", "", &["DREAMOPS_ADMIN_TOKEN"], admin);
    let secrets = (!server.pagerduty_secrets.is_empty()).then_some(SET);
    all.add("pagerduty_secrets", "", &["PAGERDUTY_WEBHOOK_SECRETS"], secrets);
}

fn patience(all: &mut Listing<'_>, config: &Config) {
    let span = |span: Duration| humantime::format_duration(span).to_string();
    let patience = &config.patience;
    for (key, value) in [
        ("respond.stability", patience.stability),
        ("respond.heal_deadline", patience.heal_deadline),
        ("respond.watch", patience.watch),
        ("respond.approval_ttl", patience.approval_ttl),
    ] {
        all.add(key, key, &[], span(value));
    }
}

fn rules(all: &mut Listing<'_>, config: &Config) -> anyhow::Result<()> {
    let rules = serde_json::to_value(&config.rules).context("the rules cannot be shown")?;
    flat(all, "policy", &rules);
    Ok(())
}

fn flat(all: &mut Listing<'_>, path: &str, value: &Value) {
    match value.as_object() {
        Some(inner) => {
            for (key, value) in inner {
                flat(all, &format!("{path}.{key}"), value);
            }
        }
        None => all.add(path, path, &[], value.clone()),
    }
}

fn plugins(all: &mut Listing<'_>, config: &Config) {
    for (name, plugin) in &config.plugins {
        let at = |field: &str| format!("plugins.{name}.{field}");
        let given = [
            ("enabled", plugin.enabled.map(Value::from)),
            ("grants", plugin.grants.clone().map(Value::from)),
            ("confidence_cap", plugin.confidence_cap.map(Value::from)),
        ];
        for (field, value) in given {
            if let Some(value) = value {
                all.add(&at(field), &at(field), &[], value);
            }
        }
        // a component's settings may be secrets: nobody here knows
        for key in plugin.settings.keys() {
            let path = at(&format!("settings.{key}"));
            all.add(&path, &path, &[], SET);
        }
    }
}

/// An address without the password that it may hold; nothing of one that cannot be read.
fn without_password(address: &str) -> String {
    if address.is_empty() {
        return String::new();
    }
    // `sqlite:FILE` is read elsewhere; what has no host, such as `user:password@host`, may be anything
    let parsed = url::Url::parse(address).ok().filter(url::Url::has_host);
    let Some(mut url) = parsed else {
        return SET.to_owned();
    };
    if url.password().is_none() && url.query().is_none() {
        return address.to_owned();
    }
    if url.password().is_some() && url.set_password(Some("***")).is_err() {
        return SET.to_owned();
    }
    // `?password=…` is one as well
    if url.query().is_some() {
        url.set_query(Some("***"));
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_of_a_file_has_its_line() {
        let lines =
            Lines::of("mode = \"yolo\"\n\n[policy.owners]\nhelm = \"act\"\n[plugins.a]\nsettings = { b = \"c\" }\n");
        assert_eq!(lines.line("mode"), Some(1));
        assert_eq!(lines.line("policy.owners.helm"), Some(4));
        assert_eq!(lines.line("plugins.a.settings.b"), Some(6));
        assert_eq!(lines.line("listen"), None);
    }

    #[test]
    fn no_address_shows_its_password() {
        for address in [
            "postgres://ann:hunter2@db/dreamops",
            "postgres://db/dreamops?password=hunter2&user=ann",
            "http://ann:hunter2@proxy:3128",
            "ann:hunter2@proxy",
        ] {
            let shown = without_password(address);
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
}
