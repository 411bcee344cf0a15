//! The reference of the command line, docs/commands.md: what `--help` says, compared with the definitions by a test.

use std::fmt::Write as _;

/// docs/settings.md has the options of `serve` and `dev`; hidden commands are for the executable itself.
const COMMANDS: &[&str] = &[
    "create",
    "get",
    "list",
    "cancel",
    "change",
    "fire",
    "replay",
    "watch",
    "import",
    "export",
    "bench",
    "completions",
    "man",
];

/// Wide enough for any terminal, so that it is the same on each.
const COLUMNS: usize = 110;

#[test]
fn docs_commands_md_is_what_help_says() {
    let mut root = super::command().term_width(COLUMNS);
    root.build();
    let mut text = "# Commands\n\nWhat `--help` says of each command that asks a running jettimer; [cli.md](cli.md) says how they \
                    are used together. Made by\n`UPDATE_EXPECT=1 cargo test --lib docs_commands_md`.\n"
        .to_owned();
    for name in COMMANDS {
        let command = root.find_subcommand(name).expect("a command");
        // The values in this machine's environment are left out.
        let mut command = command.clone().mut_args(|arg| arg.hide_env_values(true));
        let help = command.render_long_help().to_string();
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        write!(text, "\n## {name}\n\n```text\n{}\n```\n", help.join("\n").trim()).unwrap();
    }
    expect_test::expect_file!["../../../docs/commands.md"].assert_eq(&text);
}
