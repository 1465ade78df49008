using System.Globalization;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Sealing;

/// <summary>Something that is not as it was sealed.</summary>
/// <param name="Kind"><c>event.altered</c>, <c>event.missing</c>, <c>event.added</c>, <c>event.swapped</c>; <c>leaves.altered</c>,
/// <c>seal.altered</c>, <c>seal.missing</c>, <c>seal.signature</c>; <c>day.altered</c>,
/// <c>day.missing</c>, <c>day.signature</c>, <c>day.unsealed</c>; <c>act.altered</c>, <c>act.missing</c>; <c>contents.altered</c>.</param>
/// <param name="Tenant">Whose; null: all organizations of the shard.</param>
/// <param name="Sequence">Of the event, or the act's position on its trail; null: it is about a day.</param>
public sealed record LogFinding(string Shard, string Kind, string? Tenant, DateOnly? Day, long? Sequence, Guid? EventId, string What);

/// <param name="Findings">In the order in which they were met: the first is the earliest of its shard. At most
/// <see cref="LogAudit.FindingsMax"/>.</param>
/// <param name="Unsealed">Events after the last sealed day: nothing is known of them yet.</param>
public sealed record LogAuditReport(long Days, long Events, long Acts, long Unsealed, IReadOnlyList<LogFinding> Findings)
{
    public bool Passed => Findings.Count == 0;
}

/// <summary>
/// Computes every sealed day of the log anew and compares it with its seals, and the audit trails with their chains. Streams: what it holds
/// grows with the organizations, not with the events.
/// </summary>
/// <param name="only">Null: every organization. Days and their links are checked either way.</param>
public sealed class LogAudit(Shards shards, LogReaders readers, LogSigner signer, TimeProvider clock, Guid? only, Action<string> say)
{
    public const int FindingsMax = 100;

    // The sealer looks every hour.
    private static readonly TimeSpan Overdue = LogSealer.Grace + TimeSpan.FromHours(2);

    private readonly List<LogFinding> findings = [];
    private readonly string? tenant = only?.ToString();
    private readonly Guid? organization = only;
    private long days;
    private long events;
    private long acts;
    private long unsealed;

    public async Task<LogAuditReport> RunAsync(CancellationToken ct)
    {
        foreach (var shard in shards.All)
        {
            await ShardAsync(shard, ct);
        }

        return new(days, events, acts, unsealed, findings);
    }

    private async Task ShardAsync(Shard shard, CancellationToken ct)
    {
        await using var connection = await shard.App.OpenConnectionAsync(ct);
        var keys = await LogKeys.TrustedAsync(connection, signer, ct);
        var heads = new Dictionary<string, TenantHead>();
        DayHead? last = null;
        var left = (await LogSealer.QueryAsync(connection, "SELECT organization_id, up_to FROM bsp.moved_away()",
            r => (r.GetGuid(0), r.GetInt64(1)), ct)).ToDictionary();
        foreach (var day in await LogSealer.QueryAsync(connection, $"SELECT {DayHead.Columns} FROM bsp.log_days ORDER BY n", DayHead.Read,
            ct))
        {
            Check(shard.Name, day, last, keys);
            await new LogDayAudit(connection, shard.Name, day, last?.UpTo ?? long.MinValue, keys, heads, left, tenant, organization, Add)
                .RunAsync(ct);
            say($"{shard.Name}: {day.Day:yyyy-MM-dd}, {day.Events} events");
            (last, days, events) = (day, days + 1, events + day.Events);
        }

        await RestAsync(shard, connection, last, ct);
        await RetiredAsync(shard, connection, ct);
        var trail = new TrailAudit(shard, Add);
        foreach (var organization in await OrganizationsAsync(shard, ct))
        {
            acts += await trail.RunAsync(organization, ct);
        }
    }

    // Which contents were taken out, and what was left, is told by each archive's event, which is sealed with its day.
    private async Task RetiredAsync(Shard shard, NpgsqlConnection connection, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(
            "SELECT tenant_id, archive_id, contents, digest, told_seq, told_contents, told_digest FROM bsp.retired_archives($1)",
            connection)
        {
            Parameters = { new() { Value = (object?)tenant ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text } },
        };
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            if (reader.IsDBNull(4) || reader.GetInt64(2) != reader.GetInt64(5) || reader.IsDBNull(6)
                || reader.GetString(3) != reader.GetString(6))
            {
                Add(new(shard.Name, "contents.altered", reader.GetString(0), null, reader.IsDBNull(4) ? null : reader.GetInt64(4),
                    reader.GetGuid(1), reader.IsDBNull(4) ? "Contents were taken out for an archive of which the log knows nothing."
                    : "Other contents were taken out, or something else was left, than the archive's event says."));
            }
        }
    }

    private void Check(string shard, DayHead day, DayHead? last, IReadOnlyDictionary<string, byte[]> keys)
    {
        if (day.N != (last?.N ?? 0) + 1 || !day.Previous.AsSpan().SequenceEqual(last?.Head ?? NoHead.Bytes))
        {
            Add(new(shard, "day.missing", null, day.Day, null, null, last is null ? "It is not the first day: those before it are gone."
                : $"It does not follow {last.Day:yyyy-MM-dd}: a day between them is gone or was put there."));
        }

        var content = day.Content();
        if (!content.Sha256().AsSpan().SequenceEqual(day.Head))
        {
            Add(new(shard, "day.altered", null, day.Day, null, null, "The day's head is not the hash of what it says."));
        }
        else if (!keys.TryGetValue(day.Signed.KeyId, out var key) || !LogSigner.Verify(key, content.Bytes, day.Signed.Signature))
        {
            Add(new(shard, "day.signature", null, day.Day, null, null, $"The day's signature is none of ours (key {day.Signed.KeyId})."));
        }
    }

    // What is not sealed yet is said; what should be sealed and is not is a finding, for removed seals look the same.
    private async Task RestAsync(Shard shard, NpgsqlConnection connection, DayHead? last, CancellationToken ct)
    {
        var final = await readers.Of(shard).EndAsync(ct);
        await using var command = new NpgsqlCommand("SELECT events, oldest FROM bsp.unsealed($1, $2)", connection);
        Tenancy.Bind(command.Parameters,
            [last?.UpTo ?? 0,
                new NpgsqlParameter { Value = (object?)tenant ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text }]);
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        unsealed += reader.GetInt64(0);
        if (reader.IsDBNull(1) || final <= (last?.UpTo ?? 0))
        {
            return;
        }

        var day = DateOnly.FromDateTime(reader.GetDateTime(1));
        day = day <= last?.Day ? last.Day.AddDays(1) : day;
        if (clock.GetUtcNow().UtcDateTime > day.AddDays(1).ToDateTime(TimeOnly.MinValue, DateTimeKind.Utc) + Overdue)
        {
            Add(new(shard.Name, "day.unsealed", null, day, null, null,
                string.Create(CultureInfo.InvariantCulture,
                    $"This day is over and not sealed ({reader.GetInt64(0)} events since): its seal was removed, or no process has sealed. Start the API; it catches up.")));
        }
    }

    private async Task<List<Guid>> OrganizationsAsync(Shard shard, CancellationToken ct)
    {
        if (organization is { } one)
        {
            return [one];
        }

        await using var command =
            shards.Directory.CreateCommand("SELECT organization_id FROM bsp.directory_organizations WHERE shard = $1 ORDER BY 1");
        command.Parameters.Add(new() { Value = shard.Name });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var all = new List<Guid> { Guid.Empty };
        while (await reader.ReadAsync(ct))
        {
            all.Add(reader.GetGuid(0));
        }

        return all;
    }

    private void Add(LogFinding finding)
    {
        if (findings.Count < FindingsMax)
        {
            findings.Add(finding);
        }
    }
}
