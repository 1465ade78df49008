using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Imports;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Imports;

/// <summary>
/// Carries staged files into the contacts, page by page. What is done stands in the import's row and moves in the page's own transaction,
/// so a killed worker's import is taken up by
/// the next one, after the lease, exactly where it stopped.
/// </summary>
public sealed partial class ImportWorker(Shards shards, IEventStore store, ImportSignal signal, ImportTraces traces, ContactCache cache,
    Suppressions suppressions, TimeProvider clock, ILogger<ImportWorker> log) : LeasedWorker(shards, signal)
{
    private const int LeaseSeconds = 30;
    private const int AttemptsMax = 5; // failures in a row before an import is given up and says why
    private const int RefusedRowsMax = 200; // of a page; where so many are refused it is not the rows' fault
    private const int CreatedToSettle = 10_000; // rows that an organization may grow by before it is worth a moment (measured: 0.3 s)
    private readonly Guid owner = Guid.NewGuid();

    protected override async Task<bool> TakeAsync(Shard shard, CancellationToken ct)
    {
        if (await LeaseAsync(shard, ct) is not { } lease)
        {
            return false;
        }

        await CarryAsync(shard, lease.OrganizationId, lease.Id, ct);
        return true;
    }

    private async Task<(Guid OrganizationId, Guid Id)?> LeaseAsync(Shard shard, CancellationToken ct)
    {
        await using var command = shard.App.CreateCommand("SELECT organization_id, id FROM bsp.lease_import($1, $2)");
        command.Parameters.Add(new() { Value = owner });
        command.Parameters.Add(new() { Value = LeaseSeconds });
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? (reader.GetGuid(0), reader.GetGuid(1)) : null;
    }

    private async Task CarryAsync(Shard shard, Guid organizationId, Guid importId, CancellationToken ct)
    {
        using var _ = new CurrentRequest { CorrelationId = $"import {importId}", Caller = "imports" }.Enter();
        try
        {
            await PagesAsync(shard, organizationId, importId, ct);
            var created = await FinishAsync(shard, organizationId, importId, ct);
            LogDone(importId);
            if (created >= CreatedToSettle)
            {
                await SettleAsync(shard, organizationId, importId, ct);
            }
        }
        catch (LeaseLost)
        {
            LogLeaseLost(importId);
        }
        catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            LogFailed(e, importId);
            await NoteFailureAsync(shard, organizationId, importId, e, ct);
        }
    }

    // While the database carries one page, the next is read and checked.
    private async Task PagesAsync(Shard shard, Guid organizationId, Guid importId, CancellationToken ct)
    {
        var country = await shard.DefaultCountryAsync(organizationId, ct);
        var (columns, lastRow) =
            (await shard.QueryAsync(organizationId, "SELECT columns, last_row FROM bsp.imports WHERE id = $1", row =>
                (ImportColumns.Of(row.GetFieldValue<string[]>(0), country), row.GetInt32(1)), ct, importId))[0];
        var next = Task.Run(() => ImportPage.ReadAsync(shard, organizationId, importId, columns, lastRow, ct), ct);
        try
        {
            await using var connection = await shard.App.OpenConnectionAsync(ct);
            while (await next is { } page)
            {
                next = Task.Run(() => ImportPage.ReadAsync(shard, organizationId, importId, columns, page.LastRow, ct), ct);
                await CarryPartAsync(connection, organizationId, importId, page, new(RefusedRowsMax), ct);
            }
        }
        finally
        {
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // What the database refuses for the sake of a row it refuses for the whole page: halves are tried, down to the row, which becomes a
    // reject. Each part commits with its place in the file, so a kill loses nothing.
    private async Task CarryPartAsync(NpgsqlConnection connection, Guid organizationId, Guid importId, CheckedRows part,
        RefusedRows refused,
        CancellationToken ct)
    {
        try
        {
            while (!await TryPageAsync(connection, organizationId, importId, part, ct))
            {
            }
        }
        catch (Exception e) when (ImportRefusals.IsOfRows(e))
        {
            if (part.Halves() is var (first, second))
            {
                await CarryPartAsync(connection, organizationId, importId, first, refused, ct);
                await CarryPartAsync(connection, organizationId, importId, second, refused, ct);
                return;
            }

            if (part.Good.Count == 0 || (!ImportRefusals.IsOurs(e) && refused.Left-- == 0))
            {
                throw; // not the rows' fault
            }

            LogRowRefused(e, importId);
            await CarryPartAsync(connection, organizationId, importId, part.Refused(ImportRefusals.Reason(e)), refused, ct);
        }
    }

    // False: again; nothing of it was written, and the next try sees the merge or the erasure.
    private async Task<bool> TryPageAsync(NpgsqlConnection connection, Guid organizationId, Guid importId, CheckedRows page,
        CancellationToken ct)
    {
        try
        {
            await PageAsync(connection, organizationId, importId, page, ct);
            return true;
        }
        catch (PageOutdated)
        {
            return false;
        }
        catch (PostgresException e) when (e is { SqlState: PostgresErrorCodes.UniqueViolation, ConstraintName: "contacts_phone_key" })
        {
            return false; // somebody new has one of the numbers in its other spelling
        }
    }

    private async Task PageAsync(NpgsqlConnection connection, Guid organizationId, Guid importId, CheckedRows rows, CancellationToken ct)
    {
        await using var transaction = await connection.BeginAsync(organizationId, ct);
        var held = await transaction.QueryAsync(
            "SELECT 1 FROM bsp.imports WHERE id = $1 AND leased_by = $2 AND status = 'running' AND last_row = $3 FOR UPDATE", row =>
                row.GetInt32(0), ct, importId, owner, rows.AfterRow);
        if (held.Count == 0)
        {
            throw new LeaseLost();
        }

        var erased = await traces.ErasedSinceAsync(transaction, organizationId, importId, ct);
        var page = await ImportPage.CarryAsync(transaction, organizationId, importId, rows, ct, erased);
        await suppressions.ApplyAsync(transaction, organizationId,
            rows.Good.Select(good => new Reach(good.Row.PhoneNumber, good.Row.WaUserId)), ct);
        if (!erased.SetEquals(await traces.ErasedSinceAsync(transaction, organizationId, importId, ct)))
        {
            throw new PageOutdated();
        }

        await transaction.ExecuteAsync("""
            UPDATE bsp.imports SET last_row = $2, done = done + $3, created = created + $4, updated = updated + $5, duplicates = duplicates + $6, rejected = rejected + $7,
              attempts = 0, error = NULL, leased_until = now() + make_interval(secs => $8), updated_at = now() WHERE id = $1
            """, ct, importId, page.LastRow, page.Rows, page.Created, page.Updated, page.Duplicates, page.Rejected, LeaseSeconds);
        await transaction.CommitAsync(ct);
        await cache.RemoveAsync(organizationId, page.Phones, ct);
    }

    // The planner has not seen these contacts yet, and the search indexes have not sorted in the last of them. Autovacuum does both within
    // minutes, so a failure or a kill loses nothing.
    private async Task SettleAsync(Shard shard, Guid organizationId, Guid importId, CancellationToken ct)
    {
        try
        {
            await using var transaction = await shard.BeginAsync(organizationId, ct);
            await transaction.ExecuteAsync("SELECT bsp.settle_contacts()", ct);
            await transaction.CommitAsync(ct);
        }
        catch (NpgsqlException e)
        {
            LogUnsettled(e, importId);
        }
    }

    // The event first: a crash between the two finds it there and only completes the row. How many contacts it made.
    private async Task<int> FinishAsync(Shard shard, Guid organizationId, Guid importId, CancellationToken ct)
    {
        var fact = (await shard.QueryAsync(organizationId,
            "SELECT source, proof, file_sha256, total, created, updated, rejected FROM bsp.imports WHERE id = $1", row =>
            new ContactsImported(importId, row.GetString(0), row.IsDBNull(1) ? null : row.GetString(1), row.GetString(2), row.GetInt32(3),
                row.GetInt32(4), row.GetInt32(5), row.GetInt32(6), clock.GetUtcNow()),
            ct, importId))[0];
        await store.AppendAsync(organizationId, [new(importId, "contact", 0, [fact])], ct);
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        await transaction.ExecuteAsync(
            "UPDATE bsp.imports SET status = 'completed', error = NULL, completed_at = now(), updated_at = now(), leased_by = NULL, leased_until = NULL WHERE id = $1 AND leased_by = $2", ct, importId, owner);
        await transaction.CommitAsync(ct);
        return fact.Created;
    }

    // The next worker takes it up when the lease is over; after the last attempt it is shown as failed, with what went in so far.
    private async Task NoteFailureAsync(Shard shard, Guid organizationId, Guid importId, Exception failure, CancellationToken ct)
    {
        var reason = failure is PostgresException e ? $"The database refused a page ({e.SqlState})." : failure is Refusal refusal
            ? refusal.Message : "A page could not be written.";
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        await transaction.ExecuteAsync("""
            UPDATE bsp.imports SET attempts = attempts + 1, error = $3, leased_by = NULL, leased_until = now() + make_interval(secs => attempts), updated_at = now(),
              status = CASE WHEN attempts + 1 >= $4 THEN 'failed' ELSE status END WHERE id = $1 AND leased_by = $2
            """, ct, importId, owner, reason, AttemptsMax);
        await transaction.CommitAsync(ct);
    }

    private sealed class LeaseLost : Exception;

    /// <param name="left">Rows of a page that may still turn out to be refused by the database.</param>
    private sealed class RefusedRows(int left)
    {
        public int Left { get; set; } = left;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "import {ImportId}: the database refused a row, which is a reject now")]
    private partial void LogRowRefused(Exception exception, Guid importId);

    [LoggerMessage(Level = LogLevel.Information, Message = "import {ImportId}: done")]
    private partial void LogDone(Guid importId);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "import {ImportId}: its contacts are in, but the statistics could not be taken; autovacuum will")]
    private partial void LogUnsettled(Exception exception, Guid importId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "import {ImportId}: another worker has taken it over")]
    private partial void LogLeaseLost(Guid importId);

    [LoggerMessage(Level = LogLevel.Error, Message = "import {ImportId}: a page failed; it will be tried again from where it stands")]
    private partial void LogFailed(Exception exception, Guid importId);

    [LoggerMessage(Level = LogLevel.Error, Message = "imports of shard {Shard} cannot be looked up")]
    protected override partial void LogLookFailed(Exception e, string shard);
}
