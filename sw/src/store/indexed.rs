//! Storage in IndexedDB.
//!
//! Two rules of IndexedDB shape this file. A transaction ends by itself as soon as the event loop turns with none of its
//! requests pending, so between the first and the last request of one nothing else is awaited. And a transaction of
//! `indexed_db_futures` is rolled back when it is dropped, so that every early return leaves the database as it was;
//! only [`commit`] makes it last.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use gloo_timers::callback::Timeout;
use indexed_db_futures::database::Database;
use indexed_db_futures::error::{Error, OpenDbError};
use indexed_db_futures::internals::SystemRepr;
use indexed_db_futures::object_store::ObjectStore;
use indexed_db_futures::prelude::*;
use indexed_db_futures::primitive::TryToJs;
use indexed_db_futures::transaction::{Transaction, TransactionDurability, TransactionMode, TransactionOptions};
use indexed_db_futures::{KeyRange, Result as IdbResult};
use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use partyline_core::id::{RoomId, RoomSecret};
use partyline_core::key::DeviceKey;
use partyline_core::replica::Page;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{IdbDatabase, IdbOpenDbRequest};

use super::{Addition, Durability, Head, Missing, Outcome, Pages, Rewrite, RoomRecord, Store, StoreError, Stored};

const ROOMS: &str = "rooms";
const HEADS: &str = "heads";
const LOG: &str = "log";
const PAGES: &str = "pages";
const DAMAGED: &str = "damaged";
const STORES: [&str; 5] = [ROOMS, HEADS, LOG, PAGES, DAMAGED];

/// The number of the manifest among the pages.
const MANIFEST: f64 = -1.0;

/// What the database answered, where it is nothing that it should.
const UNEXPECTED: &str = "an unexpected value";

/// Version of the layout of the object stores.
const VERSION: u32 = 1;

/// How long requests wait for the database to open. Less than a device waits for the answer of another one, so that it
/// is told the reason.
const PATIENCE_MS: u32 = 8_000;

/// Rooms in a database of the browser.
#[derive(Debug)]
pub struct IndexedStore {
    name: String,
    connection: Rc<RefCell<Connection>>,
}

/// The connection, shared with what opens it and with the listeners that notice its end.
#[derive(Debug, Default)]
enum Connection {
    #[default]
    Closed,
    /// Resolves when it is open; rejected with the reason if it cannot be, and with `null` once that takes too long. Then
    /// it still goes on: an opening cannot be taken back, and the next one would wait behind it.
    Opening(Promise),
    Open(Database),
}

thread_local! {
    /// Something failed for no reason that is known: the connection may be dead.
    static IS_SUSPECT: Cell<bool> = const { Cell::new(false) };
}

impl IndexedStore {
    /// Storage in the database of this name. It is opened when it is first needed.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), connection: Rc::default() }
    }

    /// Closes the connection, if it is open; the next use opens another.
    pub fn close(&self) {
        let connection = &mut *self.connection.borrow_mut();
        if let Connection::Open(database) = connection {
            database.as_sys().close();
            *connection = Connection::Closed;
        }
    }

    /// The open database.
    ///
    /// Opening waits for whoever deletes the database or changes its layout, and they wait for every connection to be
    /// closed: a tab or worker that does not let go would stop all requests for ever. So all of them wait for one opening,
    /// for so long and no longer; those that come later are refused at once, until it is open after all.
    ///
    /// A connection may be dead without an event that says so: Safari closes those of an app in the background
    /// (<https://github.com/dexie/Dexie.js/issues/613>). So after a failure that may be due to that, another one is opened.
    async fn database(&self) -> Result<Database, StoreError> {
        if IS_SUSPECT.take() {
            self.close();
        }
        loop {
            let opening = match &*self.connection.borrow() {
                Connection::Open(database) => return Ok(database.clone()),
                Connection::Opening(opening) => Some(opening.clone()),
                Connection::Closed => None,
            };
            let opening = opening.unwrap_or_else(|| self.open());
            JsFuture::from(opening).await.map_err(|reason| not_opened(&reason))?;
        }
    }

    fn open(&self) -> Promise {
        let opened = future_to_promise(open(self.name.clone(), Rc::clone(&self.connection)));
        let late = Promise::new(&mut |_, reject| {
            Timeout::new(PATIENCE_MS, move || drop(reject.call1(&JsValue::NULL, &JsValue::NULL))).forget();
        });
        let opening = Promise::race(&Array::of2(&opened, &late));
        self.connection.replace(Connection::Opening(opening.clone()));
        opening
    }
}

/// Opens the database and puts the connection in its place.
async fn open(name: String, connection: Rc<RefCell<Connection>>) -> Result<JsValue, JsValue> {
    let opened = match Database::open(name.as_str()).with_version(VERSION).build() {
        Ok(request) => {
            let _laid_out = lay_out(request.as_sys(), &STORES);
            request.await
        }
        Err(error) => Err(error),
    };
    match opened {
        Ok(database) => {
            watch(&database, Rc::downgrade(&connection));
            connection.replace(Connection::Open(database));
            Ok(JsValue::UNDEFINED)
        }
        Err(error) => {
            connection.replace(Connection::Closed);
            Err(match error {
                OpenDbError::Base(Error::DomException(exception)) => exception.into(),
                OpenDbError::Base(_) => UNEXPECTED.into(),
                _ => "there is none".into(),
            })
        }
    }
}

/// Makes those of the object stores that are not there, should the layout be another one. What is returned has to live until
/// the database is open.
///
/// The library has a way to do this, with words for every error that there can be and all that prints numbers: a tenth of
/// the engine's code, for a moment that a browser has once.
#[must_use]
pub fn lay_out(request: &IdbOpenDbRequest, stores: &'static [&'static str]) -> impl Drop + use<> {
    let opening = request.clone();
    let upgrade = Closure::<dyn FnMut() -> Result<(), JsValue>>::new(move || {
        let database: IdbDatabase = opening.result()?.dyn_into()?;
        let there = database.object_store_names();
        // What is thrown here aborts the upgrade, and the request fails with it.
        stores
            .iter()
            .filter(|store| !there.contains(store))
            .try_for_each(|store| database.create_object_store(store).map(drop))
    });
    request.set_onupgradeneeded(Some(upgrade.as_ref().unchecked_ref()));
    upgrade
}

/// Lets go of the connection when the browser closes it (storage cleared, disk gone), and when somebody wants to delete the
/// database or another version of the application to change the layout: an open connection would block that. What was
/// begun on it is still carried out.
fn watch(database: &Database, connection: Weak<RefCell<Connection>>) {
    let raw: &web_sys::IdbDatabase = database.as_sys();
    let handler = Closure::<dyn FnMut()>::new({
        let raw = raw.clone();
        move || {
            raw.close();
            if let Some(connection) = connection.upgrade() {
                connection.replace(Connection::Closed);
            }
        }
    });
    let function = handler.as_ref().unchecked_ref();
    raw.set_onclose(Some(function));
    raw.set_onversionchange(Some(function));
    // Lives as long as the connection does: one a worker, give or take.
    handler.forget();
}

/// Why the database is not open.
fn not_opened(reason: &JsValue) -> StoreError {
    if reason.is_null() {
        return StoreError::Blocked;
    }
    match reason.dyn_ref::<web_sys::DomException>().map(|exception| (exception.name(), dom_failure(exception))) {
        Some((name, _)) if name == "VersionError" => StoreError::Newer,
        Some((_, StoreError::Failed(reason))) => StoreError::Unavailable(reason),
        Some((_, other)) => other,
        None => StoreError::Unavailable(reason.as_string().unwrap_or_default()),
    }
}

impl Store for IndexedStore {
    async fn rooms(&self) -> Result<Vec<RoomRecord>, StoreError> {
        let database = self.database().await?;
        let (keys, values) = read(&database, &[ROOMS], async |transaction| {
            let store = transaction.object_store(ROOMS)?;
            let keys = store.get_all_keys::<JsValue>().primitive()?;
            let values = store.get_all::<JsValue>().primitive()?;
            Ok((list(keys.await?)?, list(values.await?)?))
        })
        .await?;
        let mut rooms: Vec<_> = keys.iter().zip(&values).filter_map(|(key, value)| room_record(key, value)).collect();
        rooms.sort_unstable_by_key(|record| (record.joined_at, record.room));
        Ok(rooms)
    }

    async fn room(&self, room: RoomId) -> Result<Option<RoomRecord>, StoreError> {
        let database = self.database().await?;
        let key = room_key(room);
        let value: Option<JsValue> = read(&database, &[ROOMS], async |transaction| {
            transaction.object_store(ROOMS)?.get(key.clone()).primitive()?.await
        })
        .await?;
        Ok(value.and_then(|value| room_record(&key, &value)))
    }

    async fn create(&self, record: &RoomRecord, first: Option<&[u8]>) -> Result<bool, StoreError> {
        let database = self.database().await?;
        let transaction = write(&database, &[ROOMS, HEADS, LOG], Durability::Strict)?;
        let key = room_key(record.room);
        let created = async {
            let rooms = transaction.object_store(ROOMS)?;
            if rooms.get::<JsValue, _, _>(key.clone()).primitive()?.await?.is_some() {
                return Ok(false);
            }
            rooms.put(room_value(record)).with_key(key.clone()).without_key_type().primitive()?;
            let mut head = Head::of_new_room(record.joined_at);
            if let Some(first) = first {
                head = head.appended(first.len());
                put_bytes(&transaction.object_store(LOG)?, &part_key(&key, head.log as f64), first)?;
            }
            put_head(&transaction, &key, head)?;
            Ok(true)
        };
        let created = created.await.map_err(failed)?;
        if created {
            commit(transaction).await?;
        }
        Ok(created)
    }

    async fn remove(&self, room: RoomId) -> Result<bool, StoreError> {
        let database = self.database().await?;
        let transaction = write(&database, &STORES, Durability::Strict)?;
        let key = room_key(room);
        let removed = async {
            let rooms = transaction.object_store(ROOMS)?;
            if rooms.get::<JsValue, _, _>(key.clone()).primitive()?.await?.is_none() {
                return Ok(false);
            }
            for store in [ROOMS, HEADS] {
                transaction.object_store(store)?.delete(key.clone()).primitive()?;
            }
            for store in [LOG, PAGES, DAMAGED] {
                transaction.object_store(store)?.delete(parts_from(&key, MANIFEST)?).primitive()?;
            }
            Ok(true)
        };
        let removed = removed.await.map_err(failed)?;
        if removed {
            commit(transaction).await?;
        }
        Ok(removed)
    }

    async fn read(&self, room: RoomId, known: Option<Head>) -> Result<Option<Stored>, StoreError> {
        let database = self.database().await?;
        let key = room_key(room);
        read(&database, &[HEADS, LOG, PAGES], async |transaction| {
            let Some(head) = get_head(transaction, &key).await? else { return Ok(Err(StoreError::NoRoom)) };
            let (from, all) = match Missing::between(known, head) {
                Missing::Nothing => return Ok(Ok(None)),
                Missing::Log(from) => (from as f64, false),
                Missing::All => (0.0, true),
            };
            let log = transaction.object_store(LOG)?;
            let numbers = log.get_all_keys::<JsValue>().with_query(parts_from(&key, from)?).primitive()?;
            let records = log.get_all::<JsValue>().with_query(parts_from(&key, from)?).primitive()?;
            let store = transaction.object_store(PAGES)?;
            let pages = match all {
                true => {
                    let numbers =
                        store.get_all_keys::<JsValue>().with_query(parts_from(&key, MANIFEST)?).primitive()?;
                    Some((numbers, store.get_all::<JsValue>().with_query(parts_from(&key, MANIFEST)?).primitive()?))
                }
                false => None,
            };
            let (numbers, records) = (list(numbers.await?)?, list(records.await?)?);
            let pages = match pages {
                Some((numbers, pages)) => Some(pages_of(&list(numbers.await?)?, &list(pages.await?)?)),
                None => None,
            };
            let log = numbers.iter().zip(&records).map(|(key, record)| (number_of(key), bytes_of(record))).collect();
            Ok(Ok(Some(Stored { head, pages, log })))
        })
        .await?
    }

    async fn append(&self, room: RoomId, on: Head, addition: Addition<'_>) -> Result<Outcome, StoreError> {
        let Addition { record, name, durability } = addition;
        let database = self.database().await?;
        let stores: &[&str] = if name.is_some() { &[HEADS, LOG, ROOMS] } else { &[HEADS, LOG] };
        let transaction = write(&database, stores, durability)?;
        let key = room_key(room);
        let appended = async {
            match get_head(&transaction, &key).await? {
                None => return Ok(Err(StoreError::NoRoom)),
                Some(head) if head != on => return Ok(Ok(None)),
                Some(_) => {}
            }
            if let Some(name) = name {
                let rooms = transaction.object_store(ROOMS)?;
                let Some(value) = rooms.get::<JsValue, _, _>(key.clone()).primitive()?.await? else {
                    return Ok(Err(StoreError::NoRoom));
                };
                set(&value, "name", &name.into());
                rooms.put(value).with_key(key.clone()).without_key_type().primitive()?;
            }
            let head = on.appended(record.len());
            put_bytes(&transaction.object_store(LOG)?, &part_key(&key, head.log as f64), record)?;
            put_head(&transaction, &key, head)?;
            Ok(Ok(Some(head)))
        };
        finish(appended.await, transaction).await
    }

    async fn rewrite(&self, room: RoomId, on: Head, rewrite: &Rewrite) -> Result<Outcome, StoreError> {
        let database = self.database().await?;
        let transaction = write(&database, &STORES, rewrite.durability)?;
        let key = room_key(room);
        let rewritten = async {
            match get_head(&transaction, &key).await? {
                None => return Ok(Err(StoreError::NoRoom)),
                Some(head) if head != on => return Ok(Ok(None)),
                Some(_) => {}
            }
            let (log, pages) = (transaction.object_store(LOG)?, transaction.object_store(PAGES)?);
            let damaged = transaction.object_store(DAMAGED)?;
            let log_numbers = rewrite.damaged_log.iter().map(|number| (&log, LOG, *number as f64));
            let page_numbers = rewrite.damaged_pages.iter().map(|number| (&pages, PAGES, *number as f64));
            for (store, name, number) in log_numbers.chain(page_numbers) {
                let value: Option<JsValue> = store.get(part_key(&key, number)).primitive()?.await?;
                // The generation keeps a page that is damaged now apart from one of the same number another time.
                let to = Array::of4(&key, &name.into(), &number.into(), &(on.generation as f64).into());
                damaged
                    .put(value.unwrap_or(JsValue::NULL))
                    .with_key(JsValue::from(to))
                    .without_key_type()
                    .primitive()?;
            }
            if let Some(device_key) = &rewrite.key {
                let rooms = transaction.object_store(ROOMS)?;
                let Some(value) = rooms.get::<JsValue, _, _>(key.clone()).primitive()?.await? else {
                    return Ok(Err(StoreError::NoRoom));
                };
                set(&value, "key", &device_key.to_base64url().into());
                if let Some(renewed_at) = rewrite.renewed_at {
                    set(&value, "renewedAt", &(renewed_at as f64).into());
                }
                rooms.put(value).with_key(key.clone()).without_key_type().primitive()?;
            }
            log.delete(parts_from(&key, 0.0)?).primitive()?;
            if rewrite.anew {
                pages.delete(parts_from(&key, 0.0)?).primitive()?;
            }
            for number in &rewrite.fold.removed {
                pages.delete(part_key(&key, *number as f64)).primitive()?;
            }
            for page in &rewrite.fold.added {
                put_bytes(&pages, &part_key(&key, page.number as f64), &page.bytes)?;
            }
            put_bytes(&pages, &part_key(&key, MANIFEST), &rewrite.fold.manifest)?;
            let head = on.compacted(&rewrite.fold);
            put_head(&transaction, &key, head)?;
            Ok(Ok(Some(head)))
        };
        finish(rewritten.await, transaction).await
    }

    async fn damaged(&self) -> Result<u32, StoreError> {
        let database = self.database().await?;
        read(&database, &[DAMAGED], async |transaction| transaction.object_store(DAMAGED)?.count().primitive()?.await)
            .await
    }

    async fn damaged_in(&self, room: RoomId) -> Result<u32, StoreError> {
        let database = self.database().await?;
        let range = parts_from(&room_key(room), f64::NEG_INFINITY).map_err(failed)?;
        read(&database, &[DAMAGED], async |transaction| {
            transaction.object_store(DAMAGED)?.count().with_query(range).primitive()?.await
        })
        .await
    }
}

/// Runs requests that only read.
async fn read<T>(
    database: &Database,
    stores: &[&str],
    body: impl AsyncFnOnce(&Transaction<'_>) -> IdbResult<T>,
) -> Result<T, StoreError> {
    let transaction = database.transaction(stores).with_mode(TransactionMode::Readonly).build().map_err(failed)?;
    body(&transaction).await.map_err(failed)
}

/// Begins a transaction that writes.
///
/// Without `strict`, browsers call a transaction complete when the operating system has the data; an edit that was
/// acknowledged would then be lost with the power.
fn write<'a>(database: &'a Database, stores: &[&str], durability: Durability) -> Result<Transaction<'a>, StoreError> {
    let mut options = TransactionOptions::new();
    options.set_durability(match durability {
        Durability::Strict => TransactionDurability::Strict,
        Durability::Relaxed => TransactionDurability::Relaxed,
    });
    database.transaction(stores).with_mode(TransactionMode::Readwrite).with_options(options).build().map_err(failed)
}

/// Commits what was written, or rolls back and says why.
async fn finish(
    written: IdbResult<Result<Option<Head>, StoreError>>,
    transaction: Transaction<'_>,
) -> Result<Outcome, StoreError> {
    match written.map_err(failed)?? {
        Some(head) => {
            commit(transaction).await?;
            Ok(Outcome::Written(head))
        }
        None => Ok(Outcome::Behind),
    }
}

async fn commit(transaction: Transaction<'_>) -> Result<(), StoreError> {
    // A full disk shows only now, as an abort with the reason in the transaction itself; the crate's error for an abort
    // does not carry it.
    let raw: web_sys::IdbTransaction = (**transaction.as_sys()).clone();
    transaction.commit().await.map_err(|error| match raw.error() {
        Some(reason) => dom_failure(&reason),
        None => failed(error),
    })
}

fn failed(error: Error) -> StoreError {
    match error {
        Error::DomException(exception) => dom_failure(&web_sys::DomException::from(exception)),
        // Not the crate's own texts: they can hold numbers of any kind, and what prints those is larger than this file.
        _ => StoreError::Failed(UNEXPECTED.to_owned()),
    }
}

fn dom_failure(exception: &web_sys::DomException) -> StoreError {
    match exception.name().as_str() {
        "QuotaExceededError" => StoreError::Quota,
        name => {
            // That the layout is a newer one is no sign of a dead connection.
            IS_SUSPECT.set(name != "VersionError" || IS_SUSPECT.get());
            StoreError::Failed(format!("{name}: {}", exception.message()))
        }
    }
}

fn list(items: impl Iterator<Item = IdbResult<JsValue>>) -> IdbResult<Vec<JsValue>> {
    items.collect()
}

fn room_key(room: RoomId) -> JsValue {
    room.to_string().into()
}

/// The key of a log record or page.
fn part_key(room: &JsValue, number: f64) -> JsValue {
    Array::of2(room, &number.into()).into()
}

/// The keys of a room's log records, pages or damaged records from a number on: an array sorts after all numbers and
/// texts.
fn parts_from(room: &JsValue, number: f64) -> IdbResult<JsValue> {
    KeyRange::Bound(part_key(room, number), false, JsValue::from(Array::of2(room, &Array::new())), true).try_to_js()
}

/// The number in the key of a log record.
fn number_of(key: &JsValue) -> u64 {
    // Numbers are below 2^53: at a thousand edits a second, for the next quarter of a million years.
    key.dyn_ref::<Array>().and_then(|key| key.get(1).as_f64()).unwrap_or_default() as u64
}

/// Stored bytes; empty, which no format is, if they are something else.
fn bytes_of(value: &JsValue) -> Vec<u8> {
    value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).unwrap_or_default()
}

/// Pages, the first of which may be the manifest, with their keys.
fn pages_of(keys: &[JsValue], values: &[JsValue]) -> Pages {
    let mut pages = Pages::default();
    for (key, value) in keys.iter().zip(values) {
        match key.dyn_ref::<Array>().and_then(|key| key.get(1).as_f64()) {
            Some(MANIFEST) => pages.manifest = bytes_of(value),
            _ => pages.pages.push(Page { number: number_of(key), bytes: bytes_of(value) }),
        }
    }
    pages
}

fn put_bytes(store: &ObjectStore<'_>, key: &JsValue, bytes: &[u8]) -> IdbResult<()> {
    let value = JsValue::from(Uint8Array::from(bytes));
    store.put(value).with_key(key.clone()).without_key_type().primitive().map(drop)
}

async fn get_head(transaction: &Transaction<'_>, key: &JsValue) -> IdbResult<Option<Head>> {
    let value: Option<JsValue> = transaction.object_store(HEADS)?.get(key.clone()).primitive()?.await?;
    Ok(value.map(|value| {
        let number = |name: &str| get(&value, name).as_f64().unwrap_or_default();
        Head {
            log: number("log") as u64,
            records: number("records") as u32,
            log_bytes: number("logBytes") as u64,
            generation: number("generation") as u64,
            page_bytes: number("pageBytes") as u64,
        }
    }))
}

fn put_head(transaction: &Transaction<'_>, key: &JsValue, head: Head) -> IdbResult<()> {
    let value = JsValue::from(Object::new());
    for (name, number) in [
        ("log", head.log as f64),
        ("records", f64::from(head.records)),
        ("logBytes", head.log_bytes as f64),
        ("generation", head.generation as f64),
        ("pageBytes", head.page_bytes as f64),
    ] {
        set(&value, name, &number.into());
    }
    let store = transaction.object_store(HEADS)?;
    store.put(value).with_key(key.clone()).without_key_type().primitive().map(drop)
}

fn room_value(record: &RoomRecord) -> JsValue {
    let value = JsValue::from(Object::new());
    set(&value, "secret", &record.secret.to_base64url().into());
    if let Some(device_key) = &record.key {
        set(&value, "key", &device_key.to_base64url().into());
    }
    set(&value, "joinedAt", &(record.joined_at as f64).into());
    set(&value, "renewedAt", &(record.renewed_at as f64).into());
    set(&value, "name", &record.name.as_str().into());
    value
}

fn room_record(key: &JsValue, value: &JsValue) -> Option<RoomRecord> {
    Some(RoomRecord {
        room: RoomId::parse(&key.as_string()?).ok()?,
        secret: RoomSecret::parse(&get(value, "secret").as_string()?).ok()?,
        key: get(value, "key").as_string().and_then(|text| DeviceKey::parse(&text).ok()),
        joined_at: get(value, "joinedAt").as_f64().unwrap_or_default() as u64,
        renewed_at: get(value, "renewedAt").as_f64().unwrap_or_default() as u64,
        name: get(value, "name").as_string().unwrap_or_default(),
    })
}

fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

fn set(object: &JsValue, name: &str, value: &JsValue) {
    // Fails only for what is not an object, and these all are: made here, or structured clones of such.
    let _ = Reflect::set(object, &name.into(), value);
}
