using System.Globalization;
using System.Text;

namespace Bsp.Infrastructure.Backups;

/// <summary>Files of the object store in a directory, copied and put back. Each was sealed before it was stored.</summary>
internal static class ObjectFiles
{
    private const string Folder = "objects";
    private const string ListFile = "objects.list";

    public static long BytesOf(string directory) => Each(directory).Sum(path => new FileInfo(path).Length);

    /// <summary>Copies all that are there; one that is removed meanwhile was no longer needed.</summary>
    public static async Task<BackupObjects> CopyAsync(string from, string backup, CancellationToken ct)
    {
        var (files, bytes) = (0L, 0L);
        await using (var list = new StreamWriter(Path.Combine(backup, ListFile), false, new UTF8Encoding(false)))
        {
            foreach (var path in Each(from))
            {
                var key = Path.GetRelativePath(from, path);
                try
                {
                    var (length, sha) = await HashedFiles.CopyAsync(path, Path.Combine(backup, Folder, key), ct);
                    await list.WriteAsync(string.Create(CultureInfo.InvariantCulture, $"{sha} {length} {key}\n"));
                    (files, bytes) = (files + 1, bytes + length);
                }
                catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException && !File.Exists(path))
                {
                    // its row went before it
                }
            }
        }

        return new(await HashedFiles.OfAsync(backup, ListFile, ct), files, bytes);
    }

    /// <summary>Reads every copy.</summary>
    /// <exception cref="BackupFault">One is gone or damaged.</exception>
    public static async Task VerifyAsync(string backup, BackupObjects objects, CancellationToken ct)
    {
        await HashedFiles.MustBeAsync(backup, objects.List, ct);
        await foreach (var file in ListedAsync(backup, ct))
        {
            await HashedFiles.MustBeAsync(backup, file with { File = Path.Combine(Folder, file.File) }, ct);
        }
    }

    /// <summary>Puts back what is not there. What is there is kept: nothing is ever replaced.</summary>
    /// <returns>Files that were put back.</returns>
    /// <exception cref="BackupFault">Another file lies under one of the keys.</exception>
    public static async Task<long> RestoreAsync(string backup, string to, CancellationToken ct)
    {
        var restored = 0L;
        await foreach (var file in ListedAsync(backup, ct))
        {
            var target = Path.Combine(to, file.File);
            if (!File.Exists(target))
            {
                var beside = target + ".restoring";
                File.Delete(beside);
                await HashedFiles.CopyAsync(Path.Combine(backup, Folder, file.File), beside, ct);
                File.Move(beside, target);
                restored++;
            }
            else if (await HashedFiles.OfAsync(to, file.File, ct) != file)
            {
                throw new BackupFault($"{target} is there and is not the file of the backup: move it away.");
            }
        }

        return restored;
    }

    private static async IAsyncEnumerable<BackupFile> ListedAsync(string backup,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        using var list = new StreamReader(Path.Combine(backup, ListFile));
        while (await list.ReadLineAsync(ct) is { } line)
        {
            yield return line.Split(' ', 3) is [var sha, var bytes, var key] && IsBelow(key)
                ? new(key, long.Parse(bytes, CultureInfo.InvariantCulture), sha)
                : throw new BackupFault($"{ListFile} cannot be read: '{Domain.Common.Text.Cut(line, 100)}'.");
        }
    }

    private static bool IsBelow(string key) =>
        !Path.IsPathRooted(key) && key.Split('/', Path.DirectorySeparatorChar).All(part => part.Length > 0 && part[0] != '.');

    // Names that begin with a point are files that were not finished.
    private static IEnumerable<string> Each(string directory) => !Directory.Exists(directory) ? []
        : Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories)
            .Where(path => IsBelow(Path.GetRelativePath(directory, path)));
}
