using System.Runtime.CompilerServices;
using Bsp.Application.Common;

namespace Bsp.Infrastructure.Objects;

/// <summary>Files below a directory of this machine. Several processes may share it; several machines only where it is shared.</summary>
/// <param name="root">Made when it is first written to, for its owner alone.</param>
public sealed class DirectoryObjects(string root) : IObjectStore
{
    private const int BufferBytes = 128 * 1024;
    private const string Unfinished = ".unfinished"; // no segment of a key begins with a point
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public async Task PutAsync(string key, Stream content, CancellationToken ct)
    {
        var path = PathOf(key);
        var beside = Path.Combine(root, Unfinished, Guid.NewGuid().ToString("N"));
        try
        {
            Make(Path.GetDirectoryName(beside)!);
            Make(Path.GetDirectoryName(path)!);
            content.Position = 0;
            await using (var file = new FileStream(beside, Options(FileMode.CreateNew, FileAccess.Write)))
            {
                await content.CopyToAsync(file, BufferBytes, ct);
                file.Flush(flushToDisk: true);
            }

            File.Move(beside, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StoreUnavailable("objects", e);
        }
        finally
        {
            if (File.Exists(beside))
            {
                File.Delete(beside);
            }
        }
    }

    public Task<Stream?> OpenAsync(string key, long offset, CancellationToken ct)
    {
        try
        {
            var file = new FileStream(PathOf(key), Options(FileMode.Open, FileAccess.Read)) { Position = offset };
            return Task.FromResult<Stream?>(file);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return Task.FromResult<Stream?>(null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StoreUnavailable("objects", e);
        }
    }

    public Task DeleteAsync(string key, CancellationToken ct)
    {
        try
        {
            File.Delete(PathOf(key));
            return Task.CompletedTask;
        }
        catch (DirectoryNotFoundException)
        {
            return Task.CompletedTask;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StoreUnavailable("objects", e);
        }
    }

    public async IAsyncEnumerable<string> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken ct)
    {
        var below = Path.Combine(root, ObjectKey.Require(prefix.TrimEnd('/')));
        if (!Directory.Exists(below))
        {
            yield break;
        }

        foreach (var file in Directory.EnumerateFiles(below, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(root, file).Replace(Path.DirectorySeparatorChar, '/')).Order(StringComparer.Ordinal))
        {
            ct.ThrowIfCancellationRequested();
            yield return file;
        }

        await Task.CompletedTask;
    }

    private string PathOf(string key) => Path.Combine(root, ObjectKey.Require(key));

    private static void Make(string directory)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(directory);
        }
        else
        {
            Directory.CreateDirectory(directory, OwnerOnly | UnixFileMode.UserExecute);
        }
    }

    private static FileStreamOptions Options(FileMode mode, FileAccess access)
    {
        var options = new FileStreamOptions { Mode = mode, Access = access, Share = FileShare.Read | FileShare.Delete,
            BufferSize = 0, Options = FileOptions.Asynchronous };
        if (!OperatingSystem.IsWindows() && mode == FileMode.CreateNew)
        {
            options.UnixCreateMode = OwnerOnly;
        }

        return options;
    }
}
