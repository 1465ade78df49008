using System.Security.Cryptography;

namespace Bsp.Infrastructure.Backups;

/// <summary>Files with their hashes.</summary>
internal static class HashedFiles
{
    private const int BufferBytes = 256 * 1024;

    /// <summary>Reads it from its beginning to its end.</summary>
    public static async Task<BackupFile> OfAsync(string directory, string name, CancellationToken ct)
    {
        await using var file = Open(Path.Combine(directory, name));
        return new(name, file.Length, Convert.ToHexStringLower(await SHA256.HashDataAsync(file, ct)));
    }

    /// <summary>Copies, on the disk when it returns; the hash is that of what was read.</summary>
    public static async Task<(long Bytes, string Sha256)> CopyAsync(string from, string to, CancellationToken ct)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var source = Open(from);
        await using var target = new FileStream(to, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0, useAsync: true);
        var (buffer, bytes) = (new byte[BufferBytes], 0L);
        for (int read; (read = await source.ReadAsync(buffer, ct)) > 0; bytes += read)
        {
            hash.AppendData(buffer, 0, read);
            await target.WriteAsync(buffer.AsMemory(0, read), ct);
        }

        target.Flush(flushToDisk: true);
        return (bytes, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    /// <exception cref="BackupFault">It is gone, or is not what the manifest says.</exception>
    public static async Task MustBeAsync(string directory, BackupFile named, CancellationToken ct)
    {
        if (!File.Exists(Path.Combine(directory, named.File)))
        {
            throw new BackupFault($"{named.File} is missing in {directory}: this backup is not whole.");
        }

        if (await OfAsync(directory, named.File, ct) is var found && found != named)
        {
            throw new BackupFault($"{named.File} is not what the manifest says ({found.Bytes} bytes, SHA-256 {found.Sha256}, instead of "
                + $"{named.Bytes} and {named.Sha256}): this backup is damaged.");
        }
    }

    private static FileStream Open(string path) =>
        new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, BufferBytes, useAsync: true);
}
