using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.LocalStores.Common;

namespace Bsp.LocalStores.Up;

/// <summary>
/// Connection strings that a person gave, in the environment or in the API's appsettings files: those servers are used, not ours. The
/// environment wins.
/// </summary>
internal static class GivenServers
{
    private static readonly JsonDocumentOptions Lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <param name="api">The API project's directory.</param>
    /// <param name="environment">As in <c>appsettings.{environment}.json</c>.</param>
    public static StoresOptions Apply(StoresOptions options, string api, string environment)
    {
        string? Find(string name) => Environment.GetEnvironmentVariable("ConnectionStrings__" + name) is { Length: > 0 } given ? given
            : InFile(Path.Combine(api, $"appsettings.{environment}.json"), name) ?? InFile(Path.Combine(api, "appsettings.json"), name);
        return options with
        {
            Postgres = Find("DirectoryOwner") ?? Find("Directory"),
            Redis = Find("Redis"),
            ClickHouse = Find("ClickHouse"),
            Mongo = Find("Mongo"),
        };
    }

    private static string? InFile(string path, string name)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            return JsonNode.Parse(File.ReadAllText(path),
                documentOptions: Lenient)?["ConnectionStrings"]?[name]?.GetValue<string>() is { Length: > 0 } given ? given : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new Obstacle($"{path} cannot be read: {e.Message}", e);
        }
    }
}
