use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::Result;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Namespace;

/// Listens on one side and carries what comes to an address in a namespace. Closed on drop.
#[derive(Debug)]
pub(crate) struct Door {
    target: watch::Sender<Option<SocketAddr>>,
    listening: JoinHandle<()>,
}

impl Door {
    /// Opens a door that leads nowhere yet, and then to addresses in `namespace`.
    pub(super) fn open(listener: TcpListener, namespace: Arc<Namespace>) -> Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let target = watch::Sender::new(None);
        let targets = target.clone();
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (mut changes, namespace) = (targets.subscribe(), Arc::clone(&namespace));
                tokio::spawn(async move {
                    let Some(target) = *changes.borrow_and_update() else { return };
                    tokio::select! {
                        // Either side hanging up is how a connection ends.
                        _ = carry(client, &namespace, target) => {}
                        _ = changes.changed() => {}
                    }
                });
            }
        });
        Ok(Self { target, listening })
    }

    /// From now on it leads there, or nowhere. Connections that are open end.
    pub(super) fn lead_to(&self, target: Option<SocketAddr>) {
        self.target.send_replace(target);
    }

    /// Connections that are open end. It leads where it led.
    pub(super) fn hang_up(&self) {
        self.target.send_modify(|_| {});
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.listening.abort();
        self.target.send_replace(None);
    }
}

async fn carry(mut client: TcpStream, namespace: &Namespace, target: SocketAddr) -> Result<()> {
    let make = if target.is_ipv4() { TcpSocket::new_v4 } else { TcpSocket::new_v6 };
    let socket = namespace.enter(|| Ok(make()?))?;
    let mut server = socket.connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
