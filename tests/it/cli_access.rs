//! The server and the identity that the command line uses: tokens, profiles and TLS.

use crate::support::cli::{command, finish};
use crate::support::tls::Authority;
use crate::support::{Broker, Node, token};

#[tokio::test]
async fn a_token_comes_from_the_environment_or_a_profile_that_others_cannot_read() {
    let broker = Broker::start().await;
    let (reader, list) = token("reader", &["--scopes", "read"]).await;
    let node = Node::with(&broker, &["--tokens", &list]).await;
    let server = node.client().url("");
    let home = tempfile::TempDir::new().unwrap();
    let config = home.path().join("jettimer").join("config.toml");
    std::fs::create_dir(config.parent().unwrap()).unwrap();
    std::fs::write(&config, format!("[profiles.here]\nserver = \"{server}\"\ntoken = \"{reader}\"\n"))
        .unwrap();
    let mode =
        |mode| std::fs::set_permissions(&config, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    mode(0o600);
    let run = async |args: &[&str], env: &[(&str, &str)]| {
        let mut command = command(args);
        finish(command.env("XDG_CONFIG_HOME", home.path()).envs(env.iter().copied()).spawn().unwrap()).await
    };

    let none = run(&["list", "--server", &server], &[]).await;
    assert_eq!(none.code, Some(6));
    assert!(none.err.contains("JETTIMER_TOKEN"), "{none:?}");
    assert_eq!(run(&["list", "--server", &server], &[("JETTIMER_TOKEN", &reader)]).await.code, Some(0));
    assert_eq!(run(&["list", "--profile", "here"], &[]).await.code, Some(0));
    let forbidden = run(&["create", "1h", "http://localhost:9000/", "--profile", "here"], &[]).await;
    assert_eq!(forbidden.code, Some(6));
    assert!(forbidden.err.contains("scope write"), "{forbidden:?}");
    // The profile's token goes to no other server.
    assert_eq!(run(&["list", "--profile", "here", "--server", &server], &[]).await.code, Some(2));
    mode(0o644);
    let open = run(&["list", "--profile", "here"], &[]).await;
    assert_eq!(open.code, Some(2));
    assert!(open.err.contains("chmod 600") && !open.err.contains(&reader), "{open:?}");
    let bench = ["bench", "--timers", "5", "--create-only", "--due-in", "1h", "--server", &server];
    let bench = run(&bench, &[("JETTIMER_TOKEN", &reader)]).await;
    assert!(bench.out.contains("403") && !bench.out.contains("401"), "{bench:?}");
}

#[tokio::test]
async fn a_server_behind_tls_is_asked_if_its_authority_is_trusted() {
    let authority = Authority::new();
    let identity = authority.certify("localhost", |_| ());
    let server = crate::support::tls::receiver(authority.server(&identity, false), "http/1.1").await;
    let url = format!("https://localhost:{}", server.address().port());
    let ca = authority.file();
    let ask = async |args: &[&str]| {
        finish(command(&[&["watch", "--server", &url], args].concat()).spawn().unwrap()).await
    };
    let unknown = ask(&[]).await;
    assert_eq!(unknown.code, Some(5), "{unknown:?}");
    assert!(unknown.err.contains("certificate") && unknown.err.contains("--ca"), "{unknown:?}");
    // This server is not jettimer, and answers 200 to every request.
    let mut child = command(&["get", "0198f0f0-0000-7000-8000-00000000002a", "--server", &url, "--ca"]);
    let known = finish(child.arg(&ca).spawn().unwrap()).await;
    assert_eq!(known.code, Some(1), "{known:?}");
    assert!(known.err.contains("not valid for jettimer"), "{known:?}");
}
