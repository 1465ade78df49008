using System.Security.Cryptography;
using Bsp.MetaSimulator.Common;

namespace Bsp.MetaSimulator.Media;

/// <summary>A stored file.</summary>
internal sealed record MediaItem(string Id, string MimeType, byte[] Bytes, string? FileName)
{
    public string Sha256 { get; } = Convert.ToHexStringLower(SHA256.HashData(Bytes));
}

/// <summary>Files in memory; the oldest go when there are too many bytes.</summary>
internal sealed class MediaStore(Ids ids)
{
    /// <summary>Bytes of all files together.</summary>
    private const long BytesMax = 512L * 1024 * 1024;

    /// <summary>Source: Meta, "the url is valid for five minutes".</summary>
    private static readonly TimeSpan UrlLives = TimeSpan.FromMinutes(5);

    /// <summary>Most bytes of a kind. Source: Meta, "Supported media types".</summary>
    private static readonly Dictionary<string, (string[] Types, int BytesMax)> Kinds = new()
    {
        ["audio"] = (["audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg", "audio/opus"], 16 << 20),
        ["image"] = (["image/jpeg", "image/png"], 5 << 20),
        ["sticker"] = (["image/webp"], 500 << 10),
        ["video"] = (["video/mp4", "video/3gp", "video/3gpp"], 16 << 20),
        ["document"] = (["application/pdf", "text/plain", "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation"], 100 << 20),
    };

    private readonly Lock _gate = new();
    private readonly Dictionary<string, MediaItem> _items = [];
    private readonly Queue<MediaItem> _oldest = new();
    private readonly Dictionary<string, (string Id, DateTimeOffset At)> _urls = [];
    private long _bytes;
    private int _uploads;

    /// <summary>Files that came over HTTP.</summary>
    public int Uploads => Volatile.Read(ref _uploads);

    public void NoteUpload() => Interlocked.Increment(ref _uploads);

    /// <summary>Null when Meta would take the file.</summary>
    public static GraphError? Check(string mimeType, long bytes)
    {
        var plain = mimeType.Split(';')[0].Trim().ToLowerInvariant();
        foreach (var (kind, rule) in Kinds)
        {
            if (rule.Types.Contains(plain))
            {
                return bytes <= rule.BytesMax ? null
                    : GraphError.Parameter($"Param file is too large: {kind} may have {rule.BytesMax} bytes.");
            }
        }

        return GraphError.Parameter(
            $"Param file must be a file with one of the following types: {string.Join(", ", Kinds.Values.SelectMany(k => k.Types))}. Received file of type '{mimeType}'.");
    }

    public MediaItem Add(string mimeType, byte[] bytes, string? fileName)
    {
        var item = new MediaItem(ids.NextNumeric(), mimeType, bytes, fileName);
        lock (_gate)
        {
            _items[item.Id] = item;
            _oldest.Enqueue(item);
            _bytes += bytes.Length;
            while (_bytes > BytesMax && _oldest.TryDequeue(out var oldest))
            {
                Drop(oldest.Id);
            }
        }

        return item;
    }

    public MediaItem? Find(string id)
    {
        lock (_gate)
        {
            return _items.GetValueOrDefault(id);
        }
    }

    public bool Remove(string id)
    {
        lock (_gate)
        {
            return Drop(id);
        }
    }

    /// <summary>A key under which the file can be fetched for five minutes.</summary>
    public string Publish(MediaItem item)
    {
        var key = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        lock (_gate)
        {
            foreach (var old in _urls.Where(u => DateTimeOffset.UtcNow - u.Value.At > UrlLives).Select(u => u.Key).ToArray())
            {
                _urls.Remove(old);
            }

            _urls[key] = (item.Id, DateTimeOffset.UtcNow);
        }

        return key;
    }

    /// <summary>Null when the key is unknown or too old, or the file is gone.</summary>
    public MediaItem? Fetch(string key)
    {
        lock (_gate)
        {
            return _urls.TryGetValue(key, out var url) && DateTimeOffset.UtcNow - url.At <= UrlLives ? _items.GetValueOrDefault(url.Id)
                : null;
        }
    }

    public void Clear()
    {
        lock (_gate)
        {
            _items.Clear();
            _oldest.Clear();
            _urls.Clear();
            _bytes = 0;
        }
    }

    private bool Drop(string id)
    {
        if (!_items.Remove(id, out var item))
        {
            return false;
        }

        _bytes -= item.Bytes.Length;
        return true;
    }
}
