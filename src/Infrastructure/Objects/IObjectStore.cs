namespace Bsp.Infrastructure.Objects;

/// <summary>
/// Files by their keys, beside the databases: large, written once, read seldom. A file is there whole or not at all. What is put here is
/// sealed before: the store sees no content.
/// </summary>
/// <remarks>A store that cannot be reached, is full or refuses throws <see cref="Application.Common.StoreUnavailable"/>
/// (<c>objects</c>).</remarks>
public interface IObjectStore
{
    /// <summary>Stores a file; one that is there under the key is replaced.</summary>
    /// <param name="key">See <see cref="ObjectKey"/>.</param>
    /// <param name="content">Read from its beginning, perhaps more than once: it can be sought.</param>
    Task PutAsync(string key, Stream content, CancellationToken ct);

    /// <summary>The file from a byte on; null: there is none.</summary>
    /// <param name="offset">From 0 to the file's length.</param>
    Task<Stream?> OpenAsync(string key, long offset, CancellationToken ct);

    /// <summary>Removes a file; one that is not there is removed already.</summary>
    Task DeleteAsync(string key, CancellationToken ct);

    /// <summary>Keys that begin so, in their order.</summary>
    /// <param name="prefix">Whole segments and a slash, <c>archives/</c>.</param>
    IAsyncEnumerable<string> ListAsync(string prefix, CancellationToken ct);
}

/// <summary>
/// Names of files: segments of a–z, 0–9, <c>_</c>, <c>-</c> and <c>.</c>, parted by slashes. None begins with a point, so that none leads
/// out of the store.
/// </summary>
public static class ObjectKey
{
    /// <summary>Characters, at most.</summary>
    public const int Max = 512;

    /// <summary>The key itself.</summary>
    /// <exception cref="ArgumentException">It is none.</exception>
    public static string Require(string key) =>
        key is { Length: > 0 and <= Max } && key.Split('/').All(IsSegment) ? key
        : throw new ArgumentException($"'{Domain.Common.Text.Cut(key, 60)}' is no key of an object.", nameof(key));

    private static bool IsSegment(string segment) =>
        segment.Length > 0 && segment[0] != '.'
        && segment.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '_' or '-' or '.');
}
