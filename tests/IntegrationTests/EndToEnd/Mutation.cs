using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>Writes JSON with one node of it changed into something else; the same every time.</summary>
internal sealed class Mutation(int target, int kind, string mark)
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private int at = -1;

    /// <summary>Ways in which a node can be changed.</summary>
    public const int Kinds = 26;

    /// <summary>Nodes of a document, itself included.</summary>
    public static int Count(JsonElement node) => 1 + node.ValueKind switch
    {
        JsonValueKind.Object => node.EnumerateObject().Sum(member => Count(member.Value)),
        JsonValueKind.Array => node.EnumerateArray().Sum(Count),
        _ => 0,
    };

    /// <param name="mark">Put behind every id, so that no two documents are one.</param>
    public static string Write(JsonElement document, int target, int kind, string mark)
    {
        var text = new StringBuilder();
        new Mutation(target, kind, mark).Write(document, text, null);
        return text.ToString();
    }

    // True: the node is left out.
    private bool Write(JsonElement node, StringBuilder text, string? name)
    {
        at++;
        if (at == target)
        {
            at += Count(node) - 1;
            if (kind == 0)
            {
                return true;
            }

            text.Append(name is null ? ""
                : kind switch { 1 => $"{JsonSerializer.Serialize(name)}:1,{JsonSerializer.Serialize(name)}:", 2 =>
                    $"{JsonSerializer.Serialize(name.ToUpperInvariant())}:", _ => $"{JsonSerializer.Serialize(name)}:" });
            text.Append(Changed(node));
            return false;
        }

        text.Append(name is null ? "" : $"{JsonSerializer.Serialize(name)}:");
        switch (node.ValueKind)
        {
            case JsonValueKind.Object:
                Join('{', '}', node.EnumerateObject(), member => (member.Value, member.Name), text);
                break;
            case JsonValueKind.Array:
                Join('[', ']', node.EnumerateArray(), item => (item, null), text);
                break;
            case JsonValueKind.String when name == "id" && node.GetString()!.Length > 3:
                text.Append(JsonSerializer.Serialize(node.GetString() + mark, Plain));
                break;
            default:
                text.Append(node.GetRawText());
                break;
        }

        return false;
    }

    private void Join<T>(char open, char close, IEnumerable<T> items, Func<T, (JsonElement, string?)> of, StringBuilder text)
    {
        text.Append(open);
        var empty = true;
        foreach (var item in items)
        {
            var before = text.Length;
            text.Append(empty ? "" : ",");
            var (node, name) = of(item);
            if (Write(node, text, name))
            {
                text.Length = before;
            }
            else
            {
                empty = false;
            }
        }

        text.Append(close);
    }

    private string Changed(JsonElement node) => kind switch
    {
        1 or 2 => node.GetRawText(),
        3 => "null",
        4 => "\"\"",
        5 => "0",
        6 => "-1",
        7 => "1e400",
        8 => "1e131071",
        9 => "99999999999999999999999999",
        10 => "true",
        11 => "[]",
        12 => "{}",
        13 => $"[{node.GetRawText()}]",
        14 => $"[{node.GetRawText()},{node.GetRawText()},null,7]",
        15 => $"{{\"id\":{node.GetRawText()}}}",
        16 => $"\"{new string('x', 70_000)}\"",
        17 => $"\"{string.Concat(Enumerable.Repeat("👩‍👩‍👧‍👦", 40))}\"",
        18 => "\"a\\u0000b\\ud83d\"",
        19 => "\"\\udc00\\ud800\\ud83d\\ude00\"",
        20 => $"\"{new string('9', 9_000)}\"",
        21 => $"{new string('[', 200)}{new string(']', 200)}",
        22 => "\"2026-11-30T12:00:00Z\"",
        23 => "\"1821000000000\"",
        24 => "\" \\t\\r\\n\\u202e\\u200d\"",
        _ => "\"' OR 1=1; -- {{1}} ${x} <script>\"",
    };
}
