using System.Security.Cryptography;
using Bsp.Application.Common;
using Bsp.Application.Media;
using Bsp.Application.Meta;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Media;

/// <summary>
/// Fetches customers' files from Meta, at once and until they are there: a file that fails is tried again after 2 s, 4 s, … 6 h, for as
/// long as Meta keeps it (7 days). Rows are leased, so a killed process's are taken up by another; each file stands alone.
/// </summary>
public sealed partial class MediaWorker(Shards shards, MediaVault vault, MediaFiles files, SendingNumbers numbers, IMetaMedia meta,
    MediaSignal signal, BspOptions options, TimeProvider clock, ILogger<MediaWorker> log) : BackgroundService
{
    private const int AtOnce = 20;
    private const int OfOrganization = 5;
    private const int ErrorMax = 300;
    private const int RefusalsMax = 3; // of what Meta says that trying again does not help
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(5); // more than a fetch may take
    private static readonly TimeSpan PauseMax = TimeSpan.FromHours(6);

    /// <summary>How long Meta keeps a file that a customer sent. Source: Meta, Cloud API, "Media".</summary>
    public static readonly TimeSpan KeptByMeta = TimeSpan.FromDays(7);

    internal sealed record Due(Guid OrganizationId, Guid Id, Guid AccountId, Guid ContactId, string Kind, string MetaMediaId, int Attempts,
        DateTimeOffset CreatedAt);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Background);
        while (!stoppingToken.IsCancellationRequested)
        {
            foreach (var shard in shards.All)
            {
                try
                {
                    while (await RoundAsync(shard, stoppingToken) > 0)
                    {
                    }

                    Loop.Worked(shard.Name);
                }
                catch (Exception e) when (StoreTrouble.Is(e) && !stoppingToken.IsCancellationRequested)
                {
                    LogRound(e, shard.Name);
                    Loop.Failed(e, shard.Name);
                }
            }

            await signal.WaitAsync(LookEvery, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Fetches what is due in a shard; how many files were taken up.</summary>
    public async Task<int> RoundAsync(Shard shard, CancellationToken ct)
    {
        var due = new List<Due>();
        var now = clock.GetUtcNow();
        await using (var command = shard.App.CreateCommand(
            """
            SELECT organization_id, id, account_id, contact_id, kind, meta_media_id, attempts, created_at
              FROM bsp.take_media($1, $2, $3, $4)
            """))
        {
            command.Parameters.Add(new() { Value = now.UtcDateTime });
            command.Parameters.Add(new() { Value = (now + Lease).UtcDateTime });
            command.Parameters.Add(new() { Value = AtOnce });
            command.Parameters.Add(new() { Value = OfOrganization });
            await using var reader = await command.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                due.Add(new(reader.GetGuid(0), reader.GetGuid(1), reader.GetGuid(2), reader.GetGuid(3), reader.GetString(4),
                    reader.GetString(5), reader.GetInt32(6), reader.GetFieldValue<DateTimeOffset>(7)));
            }
        }

        await Parallel.ForEachAsync(due,
            new ParallelOptions { MaxDegreeOfParallelism = options.Media.DownloadsAtOnce, CancellationToken = ct },
            async (file, token) => await OneAsync(shard, file, token));
        return due.Count;
    }

    private async Task OneAsync(Shard shard, Due file, CancellationToken ct)
    {
        using var _ = new CurrentRequest { CorrelationId = $"media {file.Id}", Caller = "media" }.Enter();
        try
        {
            await FetchAsync(shard, file, ct);
        }
        catch (Refusal erased) when (erased.Code == "contact.unknown")
        {
            await RunAsync(shard, file.OrganizationId, "DELETE FROM bsp.media WHERE id = $1 AND status = 'waiting'", ct, file.Id);
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            LogFailed(file.Id, file.OrganizationId, e.Message);
            await LaterAsync(shard, file, e, ct);
        }
    }

    private async Task FetchAsync(Shard shard, Due file, CancellationToken ct)
    {
        if (await numbers.FindAsync(file.OrganizationId, file.AccountId, ct) is not { HasToken: true } number)
        {
            throw new MetaRefused(null, "The number has no token with which Meta could be asked.", retryable: true);
        }

        var described = await meta.DescribeAsync(number.Meta, file.MetaMediaId, ct);
        if (described.FileSize > MediaRules.BytesMax)
        {
            throw new Refusal("media.too_large", $"The file has {described.FileSize} bytes; {MediaRules.BytesMax} are taken.");
        }

        await using var content = await meta.DownloadAsync(number.Meta, described.Url,
            (body, within) => files.SpoolAsync(file.OrganizationId, body, MediaRules.BytesMax, within), ct);
        content.Position = 0;
        var start = new byte[MediaSniffer.BytesLooked];
        start = start[..await content.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, ct)];
        content.Position = 0;
        var sha = await SHA256.HashDataAsync(content, ct);
        if (described.Sha256 is { Length: 64 } said && said != Convert.ToHexStringLower(sha))
        {
            throw new MetaRefused(null, "What came is not what Meta described: its SHA-256 differs.", retryable: true);
        }

        await KeepAsync(shard, file, content, sha, TypeOf(described.MimeType, start), ct);
    }

    // Whatever customers send is kept; what it is served as, its first bytes decide.
    private static string TypeOf(string? said, byte[] start)
    {
        var (declared, found) = (MediaRules.Plain(said), MediaSniffer.Type(start));
        return MediaSniffer.Agreed(declared, found)
            ?? (declared is not null && MediaRules.ServedType(declared) != declared && declared.Length <= 200 ? declared : null)
            ?? "application/octet-stream";
    }

    private async Task KeepAsync(Shard shard, Due file, Stream content, byte[] sha, string mimeType, CancellationToken ct)
    {
        var vaulted = await vault.StoreAsync(file.OrganizationId, file.ContactId, sha, content, ct);
        await using var transaction = await shard.BeginAsync(file.OrganizationId, ct);
        await files.RequireRoomAsync(transaction, file.OrganizationId, content.Length, ct);
        var kept = await transaction.ExecuteAsync("""
            UPDATE bsp.media SET status = 'ready', mime_type = $2, bytes = $3, sha256 = $4, object_key = $5, key_id = $6, key_data = $7,
              stored_at = $8, due_at = NULL, error = NULL
             WHERE id = $1 AND status = 'waiting'
            """, ct, file.Id, mimeType, content.Length, sha, vaulted.ObjectKey, vaulted.Key.KeyId, vaulted.Key.Data,
            clock.GetUtcNow().UtcDateTime);
        if (kept == 1) // else it was deleted, erased, or fetched by another process meanwhile: what was stored is removed again
        {
            await MediaVault.ClaimAsync(transaction, vaulted, ct);
            await transaction.CommitAsync(ct);
        }
    }

    private async Task LaterAsync(Shard shard, Due file, Exception e, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var useless = e is Refusal { Code: "media.too_large" } || (e is MetaRefused { Retryable: false } && file.Attempts >= RefusalsMax);
        var pause = TimeSpan.FromSeconds(Math.Min(PauseMax.TotalSeconds, Math.Pow(2, Math.Min(file.Attempts, 20))));
        var over = useless || now + pause > file.CreatedAt + KeptByMeta;
        await RunAsync(shard, file.OrganizationId,
            "UPDATE bsp.media SET status = $2, due_at = $3, error = $4 WHERE id = $1 AND status = 'waiting'", ct, file.Id,
            over ? "failed" : "waiting", over ? DBNull.Value : (object)(now + pause).UtcDateTime, Told(e));
    }

    private static string Told(Exception e) => Text.Cut(Text.Storable(e is MetaRefused or Refusal or StoreUnavailable or Busy ? e.Message
        : "It could not be fetched; the log of the process says why."), ErrorMax);

    private static async Task RunAsync(Shard shard, Guid organizationId, string sql, CancellationToken ct, params object?[] arguments)
    {
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        await transaction.ExecuteAsync(sql, ct, arguments);
        await transaction.CommitUnmarkedAsync(ct);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "media: shard {Shard} could not be looked at; trying again")]
    private partial void LogRound(Exception e, string shard);

    [LoggerMessage(Level = LogLevel.Information, Message = "media: file {Id} of {OrganizationId} could not be fetched: {Reason}")]
    private partial void LogFailed(Guid id, Guid organizationId, string reason);
}
