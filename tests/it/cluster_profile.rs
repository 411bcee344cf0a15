//! The production profile, as made by nats/cluster.conf and nats/make-secrets: three servers with TLS and users, which can lose one server.

use std::sync::Arc;

use reqwest::Method;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio_rustls::TlsConnector;

use crate::support::cluster::Cluster;
use crate::support::{Node, PATIENCE, Sink, eventually};

#[tokio::test]
async fn timers_are_created_and_fire_while_a_server_is_lost_and_durability_is_full() {
    let mut cluster = Cluster::start().await;
    let api =
        Node::at(&cluster.args("api"), &["--role", "api", "--replicas", "3", "--nats-wait", "60s"]).await;
    let worker = Node::at(&cluster.args("worker"), &["--role", "worker", "--replicas", "3"]).await;
    let (client, sink) = (api.client(), Sink::start().await);
    let full = json!({ "version": "met", "replicas": "met", "sync": "met" });
    for node in [&api, &worker] {
        eventually("durability is full", async || {
            let reply = node.client().send(Method::GET, "/readyz", &[], "").await;
            (reply.status == 200 && reply.json["durability"] == full).then_some(())
        })
        .await;
        let warnings = node.logged("WARN");
        assert!(!warnings.iter().any(|line| line.to_string().contains("durability")), "{warnings:?}");
    }
    let mut ids = vec![];
    for _ in 0..20 {
        ids.push(client.create(&json!({ "seconds": 3, "url": sink.url("/ok") })).await);
    }
    cluster.kill(0).await;
    for id in &ids {
        client.until(id, "delivered").await;
    }
    // Another server takes over everything that this server led, and creations succeed again.
    let created = async || {
        let timer = json!({ "seconds": 0, "url": sink.url("/ok") }).to_string();
        let reply = client.send(Method::POST, "/timer", &[], &timer).await;
        (reply.status == 201).then_some(reply.json["id"].as_str()?.to_owned())
    };
    let id = eventually("a timer is created with two servers", created).await;
    client.until(&id, "delivered").await;
    assert!(ids.iter().all(|id| sink.counts()[id] == 1), "{:?}", sink.counts());
}

#[tokio::test]
async fn a_server_without_a_certificate_of_the_authority_is_not_a_part_of_the_cluster() {
    let cluster = Cluster::start().await;
    jettimer::foundation::crypto::install();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(cluster.authority()).unwrap()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(cluster.route()).await.unwrap();
    let connected = TlsConnector::from(Arc::new(config)).connect("nats-1".try_into().unwrap(), stream).await;
    // With TLS 1.3 the server's refusal arrives only after the handshake, once it has checked the client's certificate.
    let mut said = vec![];
    let refused = match connected {
        Ok(mut stream) => tokio::time::timeout(PATIENCE, stream.read_to_end(&mut said)).await.unwrap().err(),
        Err(error) => Some(error),
    };
    let refused = refused.expect("it is let in").to_string();
    assert!(refused.to_lowercase().contains("certificate"), "{refused}");
    assert!(said.is_empty(), "{}", String::from_utf8_lossy(&said));
}
