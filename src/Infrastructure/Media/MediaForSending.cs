using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Bsp.Application.Common;
using Bsp.Application.Media;
using Bsp.Application.Meta;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Media;

/// <summary>
/// Puts Meta's ids in place of ours before a message leaves. A file is uploaded once for a number and again when Meta's 30 days are over,
/// or when Meta says that it does not know it any more.
/// </summary>
public sealed partial class MediaForSending(Shards shards, MediaVault vault, IPersonalData personal, IMetaMedia meta, TimeProvider clock)
    : IMediaForSending, IDisposable
{
    private static readonly TimeSpan GoodFor = TimeSpan.FromDays(30) - TimeSpan.FromHours(6);
    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(15);
    private const int KnownMax = 10_000;

    private sealed record Known(string MetaId, DateTimeOffset Until);

    private const int UploadsAtOnce = 4;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    // Another process may learn meanwhile that Meta has lost it.
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(1);

    // One upload of a file for a number at a time in this process; two processes may both, which wastes one.
    [Bounded("one a file that a message waits for; a batch of messages waits for its own before the next")]
    private readonly ConcurrentDictionary<(Guid, Guid, string), Lazy<Task<(Known Found, bool Fresh)>>> uploads = new();

    private readonly SemaphoreSlim atOnce = new(UploadsAtOnce, UploadsAtOnce);

    private readonly BoundedCache<(Guid Organization, Guid Media, string PhoneNumberId), Known> known =
        new("media_at_meta", KnownMax * 256L, (_, _) => 256, clock);

    /// <summary>What it takes.</summary>
    public IBoundedMemory Memory => known;

    /// <summary>As a process that begins afresh knows nothing.</summary>
    internal void Forget() => known.Clear();

    public void Dispose() => atOnce.Dispose();

    public async Task RequireAsync(Guid organizationId, JsonObject content, CancellationToken ct)
    {
        foreach (var (kind, file) in Files(content))
        {
            if (IdOf(file) is not { } id)
            {
                continue;
            }

            var shard = await shards.OfAsync(organizationId, ct);
            var found = await shard.QueryAsync(organizationId,
                "SELECT status, kind FROM bsp.media WHERE organization_id = $1 AND id = $2 AND status <> 'deleted'",
                r => (Status: r.GetString(0), Kind: r.GetString(1)), ct, organizationId, id);
            if (found is not [var row])
            {
                throw new Refusal("media.unknown", $"{kind}.id: there is no file {id}.");
            }

            if (row.Status != "ready")
            {
                throw new Refusal("media.not_ready", $"{kind}.id: the file {id} is {row.Status}.");
            }

            if (kind != row.Kind && kind != "document")
            {
                throw new Refusal("media.kind_mismatch",
                    $"{kind}.id: the file {id} is of the kind {row.Kind}, and cannot be sent as {kind}.");
            }
        }
    }

    public async Task<PreparedContent> PrepareAsync(Guid organizationId, MetaNumber number, string content, CancellationToken ct)
    {
        if (!OurId().IsMatch(content) || JsonNode.Parse(content) is not JsonObject body)
        {
            return new(content, null, []);
        }

        var before = new List<Guid>();
        foreach (var (kind, file) in Files(body))
        {
            if (IdOf(file) is not { } id)
            {
                continue;
            }

            try
            {
                var (metaId, fresh) = await MetaIdAsync(organizationId, number, id, ct);
                file["id"] = metaId;
                if (!fresh)
                {
                    before.Add(id);
                }
            }
            catch (Refusal gone)
            {
                return new(null, new(SendResult.Rejected, null, false, 0, "media", $"{kind}: {gone.Message}", TimeSpan.Zero), []);
            }
            catch (Exception e) when (e is MetaRefused or StoreUnavailable || StoreTrouble.Is(e))
            {
                var final = e is MetaRefused { Retryable: false, Code: not null };
                return new(null, new(final ? SendResult.Rejected : SendResult.Refused, null, false, (e as MetaRefused)?.Code, "media",
                    Text.Cut($"{kind}: the file could not be given to Meta: {e.Message}", 500), TryAgain), []);
            }
        }

        return new(body.ToJsonString(), null, before);
    }

    public async Task<string> SampleAsync(Guid organizationId, MetaNumber number, Guid media, CancellationToken ct)
    {
        var (content, row, name) = await OpenAsync(await shards.OfAsync(organizationId, ct), organizationId, media, ct);
        await using (content)
        {
            return await meta.UploadSampleAsync(number, content, row.MimeType!, name, ct);
        }
    }

    public async Task ForgetAsync(Guid organizationId, MetaNumber number, IReadOnlyList<Guid> media, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        await transaction.ExecuteAsync("DELETE FROM bsp.media_at_meta WHERE media_id = ANY ($1) AND phone_number_id = $2", ct,
            media.ToArray(), number.PhoneNumberId);
        await transaction.CommitUnmarkedAsync(ct);
        foreach (var id in media)
        {
            known.Remove((organizationId, id, number.PhoneNumberId));
        }
    }

    // The message waits a while for an upload, which goes on when the message is put off: its batch-mates' outcomes wait with it.
    private async Task<(string MetaId, bool Fresh)> MetaIdAsync(Guid organizationId, MetaNumber number, Guid id, CancellationToken ct)
    {
        var key = (organizationId, id, number.PhoneNumberId);
        if (known.TryGet(key, out var remembered) && remembered.Until > clock.GetUtcNow())
        {
            return (remembered.MetaId, false);
        }

        var upload = uploads.GetOrAdd(key, _ => new(() => FindOrUploadAsync(organizationId, number, id)));
        try
        {
            var (found, fresh) = await upload.Value.WaitAsync(Patience, clock, ct);
            return (found.MetaId, fresh);
        }
        catch (TimeoutException)
        {
            throw new MetaRefused(null, "it is still on its way.", retryable: true);
        }
    }

    private async Task<(Known Found, bool Fresh)> FindOrUploadAsync(Guid organizationId, MetaNumber number, Guid id)
    {
        var key = (organizationId, id, number.PhoneNumberId);
        await atOnce.WaitAsync();
        try
        {
            var shard = await shards.OfAsync(organizationId, CancellationToken.None);
            var stored = await shard.FirstAsync(organizationId, """
                SELECT meta_media_id, expires_at FROM bsp.media_at_meta
                 WHERE organization_id = $1 AND media_id = $2 AND phone_number_id = $3 AND expires_at > $4
                """, r => new Known(r.GetString(0), r.GetFieldValue<DateTimeOffset>(1)), CancellationToken.None, organizationId, id,
                number.PhoneNumberId, clock.GetUtcNow().UtcDateTime);
            var found = stored ?? await UploadAsync(shard, organizationId, number, id, CancellationToken.None);
            known.Put(key, found, Remembered);
            return (found, stored is null);
        }
        finally
        {
            atOnce.Release();
            uploads.TryRemove(key, out _);
        }
    }

    private async Task<(Stream Content, MediaRow Row, string Name)> OpenAsync(Shard shard, Guid organizationId, Guid id,
        CancellationToken ct)
    {
        var row = await shard.FirstAsync(organizationId,
            $"SELECT {MediaRow.Columns} FROM bsp.media m WHERE m.organization_id = $1 AND m.id = $2 AND m.status = 'ready'",
            MediaRow.Read, ct, organizationId, id) ?? throw new Refusal("media.unknown", $"There is no file {id} that is ready.");
        var content = await vault.OpenAsync(organizationId, row.ObjectKey!, row.Key!, row.Bytes, ct)
            ?? throw new Refusal("media.unknown", $"The content of the file {id} was erased.");
        var name = await MediaFiles.NameAsync(personal, organizationId, row, ct) ?? MediaRules.NameFor(id, row.Kind, row.MimeType);
        return (content, row, name);
    }

    private async Task<Known> UploadAsync(Shard shard, Guid organizationId, MetaNumber number, Guid id, CancellationToken ct)
    {
        var (content, row, name) = await OpenAsync(shard, organizationId, id, ct);
        string metaId;
        await using (content)
        {
            metaId = await meta.UploadAsync(number, content, row.MimeType!, name, ct);
        }

        var until = clock.GetUtcNow() + GoodFor;
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        await transaction.ExecuteAsync("""
            INSERT INTO bsp.media_at_meta (media_id, phone_number_id, organization_id, meta_media_id, expires_at)
            SELECT $1, $2, $3, $4, $5 WHERE EXISTS (SELECT FROM bsp.media m WHERE m.id = $1 AND m.status = 'ready')
            ON CONFLICT (media_id, phone_number_id) DO UPDATE SET meta_media_id = excluded.meta_media_id, expires_at = excluded.expires_at
            """, ct, id, number.PhoneNumberId, organizationId, metaId, until.UtcDateTime);
        await transaction.CommitUnmarkedAsync(ct);
        return new(metaId, until);
    }

    // Wherever in a message files stand: itself, headers of interactive messages, parameters of templates, cards.
    private static IEnumerable<(string Kind, JsonObject File)> Files(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject json:
                foreach (var (name, value) in json.ToList())
                {
                    if (name is "image" or "video" or "audio" or "document" or "sticker" && value is JsonObject file)
                    {
                        yield return (name, file);
                    }
                    else
                    {
                        foreach (var found in Files(value))
                        {
                            yield return found;
                        }
                    }
                }

                break;
            case JsonArray list:
                foreach (var found in list.SelectMany(Files))
                {
                    yield return found;
                }

                break;
        }
    }

    private static Guid? IdOf(JsonObject file) =>
        file["id"] is JsonValue value && value.GetValueKind() == JsonValueKind.String
        && Guid.TryParseExact(value.GetValue<string>(), "D", out var id) ? id : null;

    // Nearly all messages have none, and are not parsed.
    [GeneratedRegex("\"id\":\\s*\"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-")]
    private static partial Regex OurId();
}
