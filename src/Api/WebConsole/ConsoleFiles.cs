using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.FileProviders.Physical;

namespace Bsp.Api.WebConsole;

/// <summary>A file of the console as it goes to a browser.</summary>
/// <param name="File">The packed one when the browser takes it.</param>
/// <param name="Type">Media type.</param>
/// <param name="Encoding">How it is packed; null: not at all.</param>
internal sealed record ConsoleFile(IFileInfo File, string Type, string? Encoding);

/// <summary>
/// The built console on the disk (<c>Bsp:Console:Directory</c>; unless set <c>wwwroot/console</c> beside the program's settings). It may be
/// built, or built anew, while the program runs. Nothing outside of the directory is found, nor what begins with a dot.
/// </summary>
internal sealed class ConsoleFiles : IDisposable
{
    private const string Index = "index.html";

    private static readonly Dictionary<string, string> Types = new(StringComparer.OrdinalIgnoreCase)
    {
        [".html"] = "text/html; charset=utf-8", [".js"] = "text/javascript; charset=utf-8", [".css"] = "text/css; charset=utf-8",
        [".json"] = "application/json", [".svg"] = "image/svg+xml", [".png"] = "image/png", [".webp"] = "image/webp",
        [".ico"] = "image/x-icon", [".woff2"] = "font/woff2", [".txt"] = "text/plain; charset=utf-8",
        [".webmanifest"] = "application/manifest+json", [".map"] = "application/json",
    };

    private static readonly (string Coding, string Ending)[] Packed = [("br", ".br"), ("gzip", ".gz")];

    private readonly Lock gate = new();
    private PhysicalFileProvider? files;

    public ConsoleFiles(IConfiguration configuration, IHostEnvironment host) => Directory =
        configuration["Bsp:Console:Directory"] is { Length: > 0 } given ? Path.GetFullPath(given)
            : Path.Combine(host.ContentRootPath, "wwwroot", "console");

    /// <summary>Where it lies.</summary>
    public string Directory { get; }

    /// <summary>The page, with marks where each answer's nonce goes; null: it is not built.</summary>
    public async Task<string?> PageAsync(CancellationToken ct)
    {
        if (Find(Index) is not { } page)
        {
            return null;
        }

        await using var stream = page.CreateReadStream();
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(ct);
    }

    /// <summary>A file beside the page; null: there is none.</summary>
    /// <param name="path">Below the directory.</param>
    /// <param name="accepted">Codings that the browser takes.</param>
    public ConsoleFile? Find(string path, IReadOnlyCollection<string> accepted)
    {
        if (!Types.TryGetValue(Path.GetExtension(path), out var type) || Find(path) is not { } plain)
        {
            return null;
        }

        foreach (var (coding, ending) in Packed)
        {
            if (accepted.Contains(coding) && Find(path + ending) is { } packed)
            {
                return new(packed, type, coding);
            }
        }

        return new(plain, type, null);
    }

    public void Dispose() => files?.Dispose();

    private IFileInfo? Find(string path) =>
        Files()?.GetFileInfo(path) is { Exists: true, IsDirectory: false } found ? found : null;

    // Begun when the directory is there: it may be built later than the program starts.
    private PhysicalFileProvider? Files()
    {
        lock (gate)
        {
            return files ??= System.IO.Directory.Exists(Directory) ? new(Directory, ExclusionFilters.Sensitive) : null;
        }
    }
}
