using Bsp.Application.Common;
using Bsp.Application.Imports;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Imports;

/// <summary>
/// First the whole body to the disk, then from there into a COPY: nobody who sends slowly holds a connection. One row and a COPY buffer are
/// all that is in memory; one transaction, so a broken file leaves nothing.
/// </summary>
public sealed class ImportContactsHandler(Shards shards, ImportSignal signal, UploadSpool spool, Audit.AuditLog audit)
    : IRequestHandler<ImportContacts, Done>
{
    private const int RowsMax = 50_000_000;

    public async Task<Done> Handle(ImportContacts command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        var id = CurrentRequest.NewId();
        using var body = new HashedStream(command.Csv);
        await using var file =
            await spool.TakeAsync(command.OrganizationId, body, async head =>
                await HeaderAsync(new MemoryStream(head.ToArray()), command, ct), ct);
        using var rows = new CsvRows(file, command.Delimiter);
        var columns = await ColumnsAsync(rows, command, ct);

        using var turn = await spool.StagingAsync(command.OrganizationId, ct);
        await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
        var total = await StageAsync(transaction.Connection, id, rows, ct);
        await transaction.ExecuteAsync("""
            INSERT INTO bsp.imports (id, organization_id, status, columns, source, proof, file_sha256, file_bytes, total) VALUES ($1, $2, 'queued', $3, $4, $5, $6, $7, $8)
            """, ct, id, command.OrganizationId, columns.Names.ToArray(), command.Source, Contacts.ContactRows.Nullable(NpgsqlDbType.Text, command.Proof), body.Sha256, body.Count, total);
        await audit.NoteAsync(transaction, shard, command.OrganizationId, "contacts.import_sent", "import", id, null, ct);
        await transaction.CommitAsync(ct);
        signal.Raise();
        return new(id, 1);
    }

    // A header that cannot be read is refused before the rest of the file is sent.
    private static async Task HeaderAsync(Stream head, ImportContacts command, CancellationToken ct)
    {
        using var rows = new CsvRows(head, command.Delimiter);
        await ColumnsAsync(rows, command, ct);
    }

    private static async Task<ImportColumns> ColumnsAsync(CsvRows rows, ImportContacts command, CancellationToken ct)
    {
        var header = await rows.ReadAsync(ct)
            ?? throw new Refusal("import.empty", "The body is empty. Send a CSV file with a header line.");
        return ImportColumns.Read(header.Fields, command.Mapping);
    }

    private static async Task<int> StageAsync(NpgsqlConnection connection, Guid importId, CsvRows rows, CancellationToken ct)
    {
        await using var copy =
            await connection.BeginBinaryImportAsync(
                "COPY bsp.import_rows_staged (import_id, row, line, fields, fault) FROM STDIN (FORMAT BINARY)", ct);
        var count = 0;
        while (await rows.ReadAsync(ct) is { } row)
        {
            if (++count > RowsMax)
            {
                throw new Refusal("import.too_many_rows", $"A file has at most {RowsMax} rows. Nothing was imported.");
            }

            await copy.StartRowAsync(ct);
            await copy.WriteAsync(importId, NpgsqlDbType.Uuid, ct);
            await copy.WriteAsync(count, NpgsqlDbType.Integer, ct);
            await copy.WriteAsync(row.Line, NpgsqlDbType.Integer, ct);
            await copy.WriteAsync(Storable(row.Fields), NpgsqlDbType.Array | NpgsqlDbType.Text, ct);
            if (row.Fault is null)
            {
                await copy.WriteNullAsync(ct);
            }
            else
            {
                await copy.WriteAsync(row.Fault, NpgsqlDbType.Text, ct);
            }
        }

        await copy.CompleteAsync(ct);
        return count;
    }

    // PostgreSQL's text has no NUL; U+FFFD makes the row a reject.
    private static string[] Storable(string[] fields)
    {
        for (var i = 0; i < fields.Length; i++)
        {
            if (fields[i].Contains('\0'))
            {
                fields[i] = fields[i].Replace('\0', '\uFFFD');
            }
        }

        return fields;
    }
}

/// <summary>Wakes this process's import worker. Other processes find queued imports when they look for themselves.</summary>
public sealed class ImportSignal : WorkSignal;
