using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Bsp.Application.Common;

/// <summary>One walk over JSON that is to be kept, up to the first fault.</summary>
internal ref struct KeptJsonWalk
{
    public const string TextMessage =
        "has a character that cannot be stored: U+0000, or half of a surrogate pair (\\ud800 to \\udfff without its other half).";
    private const int ReaderDepthMax = 1_000; // ours is smaller and says where
    private readonly List<Level> levels = [];
    private readonly long bytesMax;
    private readonly bool ofMembers;
    private Utf8JsonReader reader;
    private long bytes;
    private long bytesBefore;
    private int parts;

    private KeptJsonWalk(ReadOnlySpan<byte> utf8, long bytesMax, bool ofMembers)
    {
        reader = new(utf8, new JsonReaderOptions { MaxDepth = ReaderDepthMax });
        this.bytesMax = bytesMax;
        this.ofMembers = ofMembers;
    }

    /// <param name="ofMembers">The bound of bytes is that of each member of the root, not of the whole.</param>
    /// <exception cref="JsonException">It is no JSON.</exception>
    public static KeptFault? Run(ReadOnlySpan<byte> utf8, long bytesMax, bool ofMembers)
    {
        if (!Utf8.IsValid(utf8))
        {
            return new("", "is not valid UTF-8.");
        }

        return new KeptJsonWalk(utf8, bytesMax, ofMembers).Run();
    }

    /// <summary>Bytes around a token as PostgreSQL writes it: quotes, brackets, and a comma or colon with its blank.</summary>
    public static int FramingBytes(JsonTokenType token) => token switch
    {
        JsonTokenType.String or JsonTokenType.PropertyName => 4,
        JsonTokenType.StartObject or JsonTokenType.StartArray => 3,
        JsonTokenType.EndObject or JsonTokenType.EndArray => 0,
        _ => 2,
    };

    private KeptFault? Run()
    {
        while (reader.Read())
        {
            if (Token() is { } message)
            {
                return new(Path(), message);
            }
        }

        return null;
    }

    private string? Token()
    {
        var token = reader.TokenType;
        if (token is JsonTokenType.EndObject or JsonTokenType.EndArray)
        {
            levels.RemoveAt(levels.Count - 1);
            return null;
        }

        return (token == JsonTokenType.PropertyName ? Name() : Element()) ?? Value(token) ?? Size(token);
    }

    private string? Value(JsonTokenType token)
    {
        switch (token)
        {
            case JsonTokenType.String:
                return Text(reader.ValueSpan.Length > KeptJson.TextCharactersMax || reader.ValueIsEscaped ? Read() : "");
            case JsonTokenType.Number:
                return KeptNumber.IsBounded(reader.ValueSpan) ? null
                    : $"has a number that cannot be kept: below 7.9e28, with at most {KeptJson.ScaleMax} digits behind the point.";
            case JsonTokenType.StartObject or JsonTokenType.StartArray when levels.Count == KeptJson.DepthMax:
                return $"is nested more than {KeptJson.DepthMax} deep.";
            case JsonTokenType.StartObject:
                levels.Add(new(new(StringComparer.Ordinal)));
                return null;
            case JsonTokenType.StartArray:
                levels.Add(new(null));
                return null;
            default:
                return null;
        }
    }

    private static string? Text(string? text) =>
        text is null || !Domain.Common.Text.IsStorable(text) ? TextMessage
        : text.Length > KeptJson.TextCharactersMax ? $"has a text of more than {KeptJson.TextCharactersMax} characters." : null;

    private string? Name()
    {
        var level = levels[^1];
        if (levels.Count == 1 && ofMembers)
        {
            bytesBefore = bytes;
        }

        level.Key = "";
        if (Read() is not { } name)
        {
            return $"{TextMessage[..^1]}, in the name of a member.";
        }

        if (name.Length > KeptJson.KeyCharactersMax || !Domain.Common.Text.IsStorable(name))
        {
            return name.Length > KeptJson.KeyCharactersMax
                ? $"has a member whose name has more than {KeptJson.KeyCharactersMax} characters."
                : $"{TextMessage[..^1]}, in the name of a member.";
        }

        level.Key = name;
        return level.Keys!.Add(name) ? Counted() : "stands there twice.";
    }

    // A value in an array; one of a member was counted with its name.
    private string? Element()
    {
        if (levels.Count == 0 || levels[^1].Keys is not null)
        {
            return null;
        }

        levels[^1].Index++;
        return Counted();
    }

    private string? Counted() => ++parts > KeptJson.PartsMax ? $"has more than {KeptJson.PartsMax} members and elements." : null;

    private string? Size(JsonTokenType token)
    {
        bytes += FramingBytes(token) + (token == JsonTokenType.Number ? KeptNumber.StoredBytes(reader.ValueSpan) : reader.ValueSpan.Length);
        return bytes - bytesBefore > bytesMax ? $"has more than {bytesMax} bytes as it is stored." : null;
    }

    // Null: half a surrogate pair.
    private readonly string? Read()
    {
        try
        {
            return reader.GetString() ?? "";
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private readonly string Path()
    {
        var path = new StringBuilder();
        foreach (var level in levels.Take(KeptJson.DepthMax))
        {
            if (level.Keys is null)
            {
                path.Append(level.Index < 0 ? "" : $"[{level.Index}]");
            }
            else if (level.Key.Length > 0)
            {
                path.Append(path.Length > 0 ? "." : "").Append(level.Key);
            }
        }

        return Domain.Common.Text.Cut(path.ToString(), 200);
    }

    /// <param name="keys">Names met in an object; null: an array.</param>
    private sealed class Level(HashSet<string>? keys)
    {
        public HashSet<string>? Keys { get; } = keys;

        public string Key { get; set; } = "";

        public int Index { get; set; } = -1;
    }
}
