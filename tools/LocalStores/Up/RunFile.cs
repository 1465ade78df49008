using System.Text.Json;
using Bsp.LocalStores.Common;

namespace Bsp.LocalStores.Up;

/// <summary>
/// <c>.local/run.json</c>: where everything is and how to get in, for scripts. Readable by its owner only, since it holds keys.
/// </summary>
internal sealed record RunFile(
    string Url, string PlatformKey, string OrgId, string ApiKey, string AccountId, string TemplateId, string SimulatorUrl,
    string Postgres, string Redis, string Clickhouse, string? Mongo)
{
    /// <summary>Where people sign in; null: of a start before there was one.</summary>
    public string? Console { get; init; }

    /// <summary>The demo's administrator; null as above.</summary>
    public string? AdminEmail { get; init; }

    /// <summary>One of the platform's people; null as above.</summary>
    public string? StaffEmail { get; init; }

    /// <summary>Of both; null as above.</summary>
    public string? Password { get; init; }

    private static readonly JsonSerializerOptions Format =
        new(JsonSerializerDefaults.Web) { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    private static string PathIn(string local) => Path.Combine(local, "run.json");

    /// <summary>Null: nothing was ever started here, or the file is not one of ours.</summary>
    public static RunFile? Read(string local)
    {
        try
        {
            return JsonSerializer.Deserialize<RunFile>(File.ReadAllText(PathIn(local)), Format);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or JsonException)
        {
            return null;
        }
    }

    public void Write(string local) => Secret.Write(PathIn(local), JsonSerializer.Serialize(this, Format) + "\n");
}
