//! The reference of a node's settings, docs/settings.md: the options of `serve` and `dev` as clap has them, by
//! subject.
//!
//! Tests compare the page, and the few settings that README.md names, with the definitions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use clap::{Arg, Command};

const README: &str = include_str!("../../../README.md");

const INTRO: &str = "Each option of `jettimer serve` and `jettimer dev`, as `--help` shows them. Each is \
                     also an environment variable, in which a switch takes `true` or `false`. The command \
                     line takes precedence. If no default is shown, the text has it, or there is none. \
                     [commands.md](commands.md) has the options of the client's commands.";
const MADE_BY: &str = "Made by `UPDATE_EXPECT=1 cargo test --lib docs_settings_md`.";

/// Each subject: its heading, what its help texts do not say, and its options.
const SUBJECTS: &[(&str, &str, &str)] = &[
    (
        "The node",
        "`--role` is for clusters with separate [API nodes and \
         workers](containers.md#what-production-adds). Nodes of one installation [share some \
         settings](upgrades.md#settings-that-nodes-share). [The \
         journal](reliability.md#the-journal-of-calls) is for crashes. The log has one line per failure, \
         and none per success.",
        "role node-name installation drain-timeout max-clock-skew journal-dir log log-format",
    ),
    (
        "NATS",
        "The options `--nats-…` of this table go with `--nats`. [nats.md](nats.md#production-three-servers) \
         has the set-up of three servers, and says [what survives what](nats.md#what-survives-what).",
        "nats nats-creds nats-nkey nats-ca nats-cert nats-key nats-wait replicas durability",
    ),
    (
        "The node's own nats-server",
        "For `dev`, and for `serve` without `--nats`.",
        "data-dir nats-server nats-port",
    ),
    (
        "HTTP",
        "`--health-listen` answers only `/healthz` and `/readyz`, whatever clients do to `--listen`. \
         [limits.md](limits.md) says what happens at each limit. There is more on [load balancers and \
         proxies](install.md#behind-a-reverse-proxy) and on [the page](page.md).",
        "listen health-listen no-ui client-timeout idle-timeout request-timeout max-body max-connections \
         max-connections-per-address",
    ),
    (
        "Access",
        "`serve` needs tokens or `--insecure-no-auth`; `jettimer token` makes a token. `--rate-limit` \
         counts the requests of each token at each node separately; a request for many timers counts as \
         many. An origin is such as `https://app.example`. Without tokens, the node refuses changes that \
         pages of other origins ask for. If `--hosts` has any name, requests for other hosts are `403`. \
         [security.md](security.md) says who can do what.",
        "tokens-file tokens insecure-no-auth rate-limit cors-origins hosts",
    ),
    (
        "Timers, lists and the feed",
        "The limits of the feed are those of its stream, which [`nats stream edit`](nats.md#what-exists) \
         may change later. [limits.md](limits.md#memory) has the memory of an index.",
        "max-delay retention index-limit event-heartbeat",
    ),
    (
        "Calls",
        "A limit of `--receiver-limit` has the form `HOST[:PORT]=RATE[,CALLS]`. Timers may [wait for their \
         receivers](webhooks.md#when-it-waits).",
        "max-calls max-held max-calls-per-receiver receiver-limit breaker-failures connect-timeout \
         first-byte-timeout",
    ),
    (
        "Retries",
        "For timers that set none in their [`retry`](webhooks.md#when-it-is-tried-again).",
        "retry-max-attempts retry-initial-backoff retry-max-backoff retry-factor retry-deadline \
         retry-statuses",
    ),
    (
        "Signatures",
        "`jettimer secret` makes a [secret](webhooks.md#signatures).",
        "signing-file signing-secrets",
    ),
    (
        "Targets",
        "By default, nodes call public addresses only; `dev` also calls its own machine. \
         [targets.md](targets.md) has the form of rules, and how a call is made.",
        "allow-targets deny-targets only-allowed-targets dns-server target-ca target-identity egress-proxy",
    ),
    (
        "Sweeps",
        "A [sweep](metrics.md#sweeps) looks for timers without a wake. Give all nodes the same \
         [interval](reliability.md#restored-data).",
        "sweep-interval sweep-grace",
    ),
    ("Trying it out", "[dev.md](dev.md) has more.", "time-scale reset"),
];

/// The commands with all that clap adds to them.
fn root() -> Command {
    let mut root = super::command();
    root.build();
    root
}

/// The options of a command by their names.
fn options<'a>(root: &'a Command, command: &str) -> BTreeMap<&'a str, &'a Arg> {
    let arguments = root.find_subcommand(command).expect("a command").get_arguments();
    let named = arguments.filter_map(|arg| Some((arg.get_long()?, arg)));
    named.filter(|(name, _)| *name != "help").collect()
}

/// The default that clap knows; none of a switch.
fn default(arg: &Arg) -> Option<String> {
    let shown = arg.get_action().takes_values() && !arg.is_hide_default_value_set();
    let value = arg.get_default_values().first().filter(|_| shown)?;
    Some(value.to_string_lossy().into_owned())
}

/// The line of an option, which `only` one of the two commands may have.
fn line(arg: &Arg, only: Option<&str>) -> String {
    let name = arg.get_long().expect("a name");
    let variable = arg.get_env().expect("a variable").to_string_lossy();
    let value = arg.get_value_names().filter(|_| arg.get_action().takes_values());
    let value = value.map(|names| format!(" {}", names[0])).unwrap_or_default();
    let default = default(arg).map(|value| format!("`{value}`")).unwrap_or_default();
    let mut meaning = arg.get_help().expect("a help text").to_string();
    for value in arg.get_possible_values() {
        write!(meaning, "<br>`{}`: {}", value.get_name(), value.get_help().expect("a help text")).unwrap();
    }
    if let Some(command) = only {
        write!(meaning, "<br>`{command}` only").unwrap();
    }
    // A pipe would end the cell.
    let meaning = meaning.replace('|', "\\|");
    format!("| `--{name}{value}`<br>`{variable}` | {default} | {meaning} |\n")
}

/// The text in lines of up to 120 characters, unless a word is longer.
fn wrapped(text: &str) -> String {
    let mut wrapped = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let width = word.chars().count();
        let fits = column + 1 + width <= 120;
        if column > 0 {
            wrapped.push(if fits { ' ' } else { '\n' });
        }
        wrapped.push_str(word);
        column = if column > 0 && fits { column + 1 + width } else { width };
    }
    wrapped
}

#[test]
fn docs_settings_md_is_what_the_definitions_say() {
    let root = root();
    let (serve, dev) = (options(&root, "serve"), options(&root, "dev"));
    let mut missing: BTreeSet<&str> = serve.keys().chain(dev.keys()).copied().collect();
    let mut text = format!("# Settings\n\n{}\n\n{MADE_BY}\n", wrapped(INTRO));
    for (heading, note, names) in SUBJECTS {
        let head = "| option and variable | default | meaning |\n|---|---|---|\n";
        write!(text, "\n## {heading}\n\n{}\n\n{head}", wrapped(note)).unwrap();
        for name in names.split_whitespace() {
            assert!(missing.remove(name), "--{name} is not an option, or is listed twice");
            let (arg, only) = match (serve.get(name), dev.get(name)) {
                (Some(arg), Some(_)) => (arg, None),
                (Some(arg), None) => (arg, Some("serve")),
                (None, arg) => (arg.expect("an option"), Some("dev")),
            };
            text.push_str(&line(arg, only));
        }
    }
    assert!(missing.is_empty(), "these options have no subject: {missing:?}");
    expect_test::expect_file!["../../../docs/settings.md"].assert_eq(&text);
}

#[test]
fn readme_names_some_ten_settings_and_each_has_the_default_that_it_gives() {
    let root = root();
    let options = options(&root, "serve");
    let section =
        README.split("\n## ").find(|section| section.starts_with("Settings\n")).expect("the section");
    let lines: Vec<&str> = section.lines().filter(|line| line.starts_with("| `--")).collect();
    assert!((8..=12).contains(&lines.len()), "README names {} settings", lines.len());
    for line in lines {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let name = cells[0].trim_matches('`').split(' ').next().and_then(|name| name.strip_prefix("--"));
        let arg = name.and_then(|name| options.get(name)).unwrap_or_else(|| panic!("no such option: {line}"));
        let given = cells[1].strip_prefix('`').and_then(|value| value.strip_suffix('`'));
        assert_eq!(given.map(str::to_owned), default(arg), "{line}");
    }
}
