using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Bsp.Application.Common;

namespace Bsp.Infrastructure.Backups;

/// <summary>A backup that cannot be made or used, in a sentence for people.</summary>
public sealed class BackupFault(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>What lies in a backup. Written last: a directory without one is no backup.</summary>
/// <param name="Format">Of this file; another one is refused.</param>
/// <param name="MasterKey">Says which master key opens what is sealed; the key itself is in no backup.</param>
/// <param name="Objects">Null: files are not in this backup, <paramref name="ObjectsNote"/> says why.</param>
/// <param name="NotCopied">What is made anew from the databases, or copied by others: for people.</param>
public sealed record BackupManifest(int Format, Guid Id, DateTimeOffset StartedAt, DateTimeOffset CompletedAt, string MasterKey,
    IReadOnlyList<BackupDatabase> Databases, BackupObjects? Objects, string? ObjectsNote, IReadOnlyList<string> NotCopied)
{
    /// <summary>Name of its file.</summary>
    public const string FileName = "manifest.json";

    /// <summary>The one form that this build writes and reads.</summary>
    public const int CurrentFormat = 1;

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Eight bytes that tell a master key from another one and say nothing of it.</summary>
    public static string PrintOf(byte[] masterKey) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(masterKey, "bsp.backup"u8))[..16];

    /// <summary>Writes it, on the disk when it returns.</summary>
    public async Task WriteAsync(string directory, CancellationToken ct)
    {
        await using var file = new FileStream(Path.Combine(directory, FileName), FileMode.CreateNew);
        await JsonSerializer.SerializeAsync(file, this, Json, ct);
        await file.WriteAsync("\n"u8.ToArray(), ct);
        file.Flush(flushToDisk: true);
    }

    /// <exception cref="BackupFault">There is none, or it is of another form.</exception>
    public static async Task<BackupManifest> ReadAsync(string directory, CancellationToken ct)
    {
        var path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
        {
            throw new BackupFault($"{directory} is no backup: it has no {FileName}, which is written last. "
                + "(One that was interrupted has none, and its directory ends in .unfinished.)");
        }

        try
        {
            var text = await File.ReadAllTextAsync(path, Encoding.UTF8, ct);
            using var document = JsonDocument.Parse(text);
            var format = document.RootElement.TryGetProperty("format", out var f) && f.TryGetInt32(out var n) ? n : 0;
            return format == CurrentFormat ? JsonSerializer.Deserialize<BackupManifest>(text, Json)!
                : throw new BackupFault($"{path} is of form {format}, and this build reads form {CurrentFormat}: use the build that made "
                    + "it.");
        }
        catch (JsonException bad)
        {
            throw new BackupFault($"{path} cannot be read: {bad.Message}", bad);
        }
    }

    /// <summary>Of the options' keys the current one's, then those of earlier ones.</summary>
    public static IReadOnlyList<string> PrintsOf(BspOptions options) =>
        [PrintOf(options.MasterKey), .. options.OldMasterKeys.Select(PrintOf)];
}

/// <summary>One database.</summary>
/// <param name="Names">What it is: <c>directory</c>, and the names of the shards that it holds.</param>
/// <param name="File">Its dump, in PostgreSQL's custom form.</param>
/// <param name="Server">PostgreSQL's version.</param>
/// <param name="At">The moment that it shows.</param>
/// <param name="Wal">Its place in the write-ahead log then.</param>
/// <param name="Position">The last event's place in the log; 0: there is none.</param>
/// <param name="Rows">Of each table, as counted at that moment and again in the dump.</param>
/// <param name="Settings">Of roles in this database, which a dump leaves out.</param>
/// <param name="Schema">Schema files that were applied.</param>
/// <param name="Before">Of a directory beside shards: webhooks that waited before the shards' moment; null: none are needed.</param>
public sealed record BackupDatabase(IReadOnlyList<string> Names, string File, long Bytes, string Sha256, string Server, int ServerMajor,
    DateTimeOffset At, string Wal, long Position, SortedDictionary<string, long> Rows, IReadOnlyList<RoleSetting> Settings,
    IReadOnlyList<AppliedSchema> Schema, BackupWaiting? Before)
{
    /// <summary>For people.</summary>
    public string Title => string.Join(", ", Names);
}

/// <param name="Role">Empty: everybody.</param>
public sealed record RoleSetting(string Role, string Name, string Value);

public sealed record AppliedSchema(string File, string Sha256);

/// <summary>Webhooks that waited a moment before the shards were looked at.</summary>
/// <param name="Inbox">Rows of <c>webhook_inbox</c>, as COPY writes them.</param>
/// <param name="SetAside">Rows of <c>webhook_set_aside</c>, likewise.</param>
public sealed record BackupWaiting(DateTimeOffset At, BackupFile Inbox, BackupFile SetAside);

public sealed record BackupFile(string File, long Bytes, string Sha256);

/// <summary>Copied files of the object store.</summary>
/// <param name="List">A line a file: SHA-256, bytes, key.</param>
public sealed record BackupObjects(BackupFile List, long Files, long Bytes);
