//! Long objects: bodies of snapshots and provenance tables, written in parts and read in pieces, so that none stands in memory whole.

use object_store::{Attribute, GetOptions, GetRange, ObjectStore as _, PutMultipartOptions, WriteMultipart};
use tokio::io::AsyncReadExt as _;

use super::{ObjectError, Objects, in_time};

/// The length of a part, and of what is read at once: S3 takes none below 5 MiB but the last.
const PART: u64 = 8 << 20;

/// The most parts of an object, as S3 has it, with room for the last.
const MAX_PARTS: u64 = 9_999;

/// How many parts are on their way at once.
const PARTS_AT_ONCE: usize = 2;

impl Objects {
    /// Puts a file of ours, of which this is the BLAKE3, down as an immutable object, of this media type where the key tells of none; whether
    /// it is new. A long one goes in parts, and is there when all of them are.
    ///
    /// The library gives the end of an upload in parts no condition, and S3 copies under one no more than 5 GiB: an object that is there is
    /// compared before, and of two that come at once the later stays, with the same bytes, since they follow from the name.
    ///
    /// # Errors
    /// As [`Objects::create`], and [`ObjectError::File`].
    pub async fn create_from(
        &self,
        key: &str,
        file: std::fs::File,
        hash: &[u8; 32],
        media: Option<&'static str>,
    ) -> Result<bool, ObjectError> {
        let io = |error: std::io::Error| ObjectError::File { key: key.to_owned(), why: error.to_string() };
        let mut source = tokio::fs::File::from_std(file);
        let length = source.metadata().await.map_err(io)?.len();
        let mut attributes = self.attributes(key);
        if let (Some(media), None) = (media, &self.folder) {
            attributes.insert(Attribute::ContentType, media.into());
        }
        if length <= PART {
            let mut bytes = Vec::new();
            source.take(PART).read_to_end(&mut bytes).await.map_err(io)?;
            return self.create_as(key, bytes.into(), attributes).await;
        }
        match self.digest(key).await? {
            Some((there, whole)) if whole == length && there.as_bytes() == hash => return Ok(false),
            Some(_) => return Err(ObjectError::Differs(key.to_owned())),
            None => {}
        }
        let part = PART.max(length.div_ceil(MAX_PARTS));
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let path = self.path(key)?;
        let begun = in_time(key, self.store.put_multipart_opts(&path, options)).await?;
        let begun = begun.map_err(|error| ObjectError::of(key, &error))?;
        let mut upload = WriteMultipart::new_with_chunk_size(begun, usize::try_from(part).unwrap_or(usize::MAX));
        let sent = async {
            let mut piece = vec![0; 1 << 20];
            loop {
                let read = source.read(&mut piece).await.map_err(io)?;
                if read == 0 {
                    return Ok(());
                }
                upload.write(&piece[..read]);
                in_time(key, upload.wait_for_capacity(PARTS_AT_ONCE))
                    .await?
                    .map_err(|error| ObjectError::of(key, &error))?;
            }
        };
        if let Err(error) = sent.await {
            // As well as it can be: what a killed server leaves is for the bucket's own rules.
            let _ = upload.abort().await;
            return Err(error);
        }
        let ended = in_time(key, upload.finish()).await?;
        ended.map(|_| true).map_err(|error| ObjectError::of(key, &error))
    }

    /// The BLAKE3 and the length of an object, read piece by piece, all of one version.
    ///
    /// # Errors
    /// Failures.
    pub async fn digest(&self, key: &str) -> Result<Option<(blake3::Hash, u64)>, ObjectError> {
        let Some(meta) = self.look(key).await? else { return Ok(None) };
        let mut hasher = blake3::Hasher::new();
        let mut at = 0;
        while at < meta.size {
            let end = meta.size.min(at + PART);
            let range = Some(GetRange::Bounded(at..end));
            let options = GetOptions { range, if_match: meta.e_tag.clone(), ..GetOptions::default() };
            let piece = async { self.store.get_opts(&meta.location, options).await?.bytes().await };
            let piece = in_time(key, piece).await?.map_err(|error| ObjectError::of(key, &error))?;
            if piece.len() as u64 != end - at {
                return Err(ObjectError::Failed { key: key.to_owned(), why: "it ends before its length".to_owned() });
            }
            hasher.update(&piece);
            at = end;
        }
        Ok(Some((hasher.finalize(), meta.size)))
    }
}
