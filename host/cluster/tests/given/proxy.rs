//! Two small proxies on the loopback device: HTTP CONNECT and SOCKS5, each with a user and password where wanted.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// How the proxy is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Connect,
    Socks5,
}

#[derive(Clone)]
struct Plan {
    kind: Kind,
    /// What the client must say: `user:password`.
    secret: Option<&'static str>,
    /// Where everything goes that is named `api.invalid`.
    known: Option<SocketAddr>,
    /// Where clients wanted to go, as they said it.
    wanted: Arc<Mutex<Vec<String>>>,
}

/// A listening proxy.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    wanted: Arc<Mutex<Vec<String>>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(kind: Kind, secret: Option<&'static str>, known: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let wanted = Arc::new(Mutex::new(Vec::new()));
        let plan = Plan {
            kind,
            secret,
            known,
            wanted: Arc::clone(&wanted),
        };
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, plan.clone()));
            }
        });
        Self {
            address,
            wanted,
            accepting,
        }
    }

    /// Listens no more.
    pub(crate) fn stop(&self) {
        self.accepting.abort();
    }

    /// Where clients wanted to go, as they said it.
    pub(crate) fn wanted(&self) -> Vec<String> {
        self.wanted.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut client: TcpStream, plan: Plan) -> io::Result<()> {
    let wanted = match plan.kind {
        Kind::Connect => asked_by_connect(&mut client, plan.secret).await?,
        Kind::Socks5 => asked_by_socks(&mut client, plan.secret).await?,
    };
    let Some(wanted) = wanted else {
        return Ok(());
    };
    plan.wanted.lock().unwrap().push(wanted.clone());
    let to = match wanted.parse::<SocketAddr>() {
        Ok(address) => Some(address),
        Err(_) if wanted.starts_with("api.invalid:") => plan.known,
        Err(_) => None,
    };
    let server = match to {
        Some(address) => TcpStream::connect(address).await.ok(),
        None => None,
    };
    let (yes, no): (&[u8], &[u8]) = match plan.kind {
        Kind::Connect => (b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 502 Bad Gateway\r\n\r\n"),
        Kind::Socks5 => (&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0], &[5, 4, 0, 1, 0, 0, 0, 0, 0, 0]),
    };
    let Some(mut server) = server else {
        return client.write_all(no).await;
    };
    client.write_all(yes).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

async fn asked_by_connect(client: &mut TcpStream, secret: Option<&str>) -> io::Result<Option<String>> {
    use base64::Engine;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8(head).map_err(io::Error::other)?;
    let expected = secret.map(|s| {
        let packed = base64::engine::general_purpose::STANDARD.encode(s);
        format!("proxy-authorization: basic {packed}")
    });
    let said = expected.is_none_or(|line| head.lines().any(|l| l.eq_ignore_ascii_case(&line)));
    if !said {
        let refused = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
        client.write_all(refused).await?;
        return Ok(None);
    }
    let wanted = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next());
    Ok(wanted.map(str::to_owned))
}

/// RFC 1928, RFC 1929.
async fn asked_by_socks(client: &mut TcpStream, secret: Option<&str>) -> io::Result<Option<String>> {
    let [_, count] = bytes::<2>(client).await?;
    let mut methods = vec![0; count.into()];
    client.read_exact(&mut methods).await?;
    let method = if secret.is_some() { 2 } else { 0 };
    if !methods.contains(&method) {
        client.write_all(&[5, 0xff]).await?;
        return Ok(None);
    }
    client.write_all(&[5, method]).await?;
    if let Some(secret) = secret {
        let _version = client.read_u8().await?;
        let said = format!("{}:{}", text(client).await?, text(client).await?);
        let fits = said == secret;
        client.write_all(&[1, u8::from(!fits)]).await?;
        if !fits {
            return Ok(None);
        }
    }
    let [_, _, _, kind] = bytes::<4>(client).await?;
    let host = match kind {
        1 => IpAddr::V4(Ipv4Addr::from(bytes::<4>(client).await?)).to_string(),
        4 => format!("[{}]", Ipv6Addr::from(bytes::<16>(client).await?)),
        _ => text(client).await?,
    };
    let port = client.read_u16().await?;
    Ok(Some(format!("{host}:{port}")))
}

async fn bytes<const N: usize>(client: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut read = [0; N];
    client.read_exact(&mut read).await?;
    Ok(read)
}

async fn text(client: &mut TcpStream) -> io::Result<String> {
    let mut read = vec![0; client.read_u8().await?.into()];
    client.read_exact(&mut read).await?;
    String::from_utf8(read).map_err(io::Error::other)
}
