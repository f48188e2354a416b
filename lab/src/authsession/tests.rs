//! What is kept in Redis, against a real server.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::cmd;

use super::config::{Config, Publish};
use super::store::{Challenge, Pool, Session, Store};
use crate::env::Env;

/// How long a server may take to serve on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// A Redis of its own on a free port; it ends with this value.
struct Redis {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Redis {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("its port").port();
        drop(free);
        let mut server = Command::new("redis-server");
        server.arg("-").current_dir(folder.path()).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = server.spawn().expect("redis-server is missing; install it with: sudo apt-get install -y redis-server");
        let mut input = child.stdin.take().expect("piped");
        write!(input, "bind 127.0.0.1\nport {port}\nsave \"\"\n").expect("it reads its configuration");
        Self { child, port, _folder: folder }
    }

    fn config(&self, publish: Publish) -> Config {
        let address = format!("127.0.0.1:{}", self.port);
        let lookup = |name: &str| match name {
            "AUTHSESSION_REDIS_ADDR" => Some(address.clone()),
            "CONTRACT" => Some("march".to_owned()),
            _ => None,
        };
        let mut config = Config::read(&Env::new(&lookup)).expect("a configuration");
        config.publish = publish;
        config
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn store(config: &Config) -> Store<'_> {
    let pool = Pool::new(config.redis.clone());
    let began = Instant::now();
    loop {
        match pool.take().await {
            Ok(redis) => return Store { config, redis },
            Err(error) => assert!(began.elapsed() < SOON, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn session(id: &str, status: &str, created_at: i64) -> Session {
    Session {
        device_session_id: id.to_owned(),
        user_id: "ada".to_owned(),
        client_public_key_base64: "key".to_owned(),
        status: status.to_owned(),
        created_at,
        revoked_at: None,
        revoke_reason_code: None,
    }
}

/// The status in the projection, and how many events told of it.
async fn published(store: &mut Store<'_>) -> (String, u64) {
    let raw: String = cmd("GET").arg("gateway:session:s").query_async(&mut store.redis).await.expect("a snapshot");
    let snapshot: serde_json::Value = serde_json::from_str(&raw).expect("JSON");
    let events = cmd("XLEN").arg("gateway:session_events").query_async(&mut store.redis).await.expect("a stream");
    (snapshot["status"].as_str().expect("a status").to_owned(), events)
}

#[tokio::test]
async fn nothing_follows_a_revocation_unless_the_last_writer_wins() {
    for (publish, expected) in [
        (Publish::Guarded, ("revoked", 2)),
        (Publish::Blind, ("active", 3)),
        (Publish::NotRevoked, ("active", 2)),
        (Publish::NoEvents, ("active", 0)),
    ] {
        let redis = Redis::start();
        let config = redis.config(publish);
        let mut store = store(&config).await;
        for status in ["active", "revoked", "active"] {
            store.publish(&session("s", status, 1)).await.expect("published");
        }
        let (status, events) = published(&mut store).await;
        assert_eq!((status.as_str(), events), expected, "{publish:?}");
    }
}

#[tokio::test]
async fn an_address_waits_its_window_out_and_asking_makes_it_no_longer_unless_it_slides() {
    let redis = Redis::start();
    let config = redis.config(Publish::Guarded);
    let mut store = store(&config).await;
    let window = Duration::from_secs(60);
    for (address, sliding, longest) in [("fixed@x.test", false, 30), ("sliding@x.test", true, 60)] {
        assert!(store.reserve(address, window, sliding).await.expect("reserved"));
        let key = format!("authsession:throttle:send-email-code:{address}");
        let _: i64 = cmd("EXPIRE").arg(&key).arg(30).query_async(&mut store.redis).await.expect("half of it is over");
        assert!(!store.reserve(address, window, sliding).await.expect("asked again"));
        let left: i64 = cmd("TTL").arg(&key).query_async(&mut store.redis).await.expect("a time to live");
        assert!(left <= longest && left > longest - 20, "{address}: {left}");
    }
}

#[tokio::test]
async fn a_challenge_is_replaced_only_by_who_saw_it_last() {
    let redis = Redis::start();
    let config = redis.config(Publish::Guarded);
    let mut store = store(&config).await;
    let kept = Duration::from_secs(60);
    let mut challenge = Challenge {
        challenge_id: "c".to_owned(),
        email: "ada@x.test".to_owned(),
        code: "123456".to_owned(),
        status: "sent".to_owned(),
        attempts: 0,
        expires_at: 0,
        device_session_id: None,
        client_public_key: None,
    };
    store.put_challenge(&challenge, kept).await.expect("kept");
    let (_, seen) = store.challenge("c").await.expect("read").expect("it is there");
    challenge.attempts = 1;
    assert!(store.swap_challenge(&seen, &challenge, kept).await.expect("the first"));
    challenge.attempts = 7;
    assert!(!store.swap_challenge(&seen, &challenge, kept).await.expect("the second saw what was"));
    assert_eq!(store.challenge("c").await.expect("read").map(|(challenge, _)| challenge.attempts), Some(1));
    store.forget_challenge("c").await.expect("gone");
    assert!(store.challenge("c").await.expect("read").is_none());
}

#[tokio::test]
async fn sessions_come_newest_first_and_a_revoked_one_counts_no_more() {
    let redis = Redis::start();
    let config = redis.config(Publish::Guarded);
    let mut store = store(&config).await;
    for (id, created) in [("old", 1), ("new", 3), ("middle", 2)] {
        store.put_session(&session(id, "active", created)).await.expect("kept");
    }
    assert_eq!(store.active("ada").await.expect("counted"), 3);
    store.put_session(&session("new", "revoked", 3)).await.expect("kept");
    assert_eq!((store.active("ada").await.expect("counted"), store.limit(5).await.expect("a limit")), (2, 5));
    let ids: Vec<_> = store.sessions("ada").await.expect("listed").into_iter().map(|session| session.device_session_id).collect();
    assert_eq!(ids, ["new", "middle", "old"]);
    let _: String = cmd("SET").arg("authsession:config:active-session-limit").arg(2).query_async(&mut store.redis).await.expect("set");
    assert_eq!(store.limit(5).await.expect("a limit"), 2);
}
