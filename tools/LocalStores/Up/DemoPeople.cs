using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Bsp.LocalStores.Common;

namespace Bsp.LocalStores.Up;

/// <summary>
/// Who signs in at the console of a demo: an administrator of its organization, and one of the platform's people, who may top up wallets.
/// </summary>
internal sealed record DemoPeople(string AdminEmail, string StaffEmail)
{
    private const int UsersMax = 200;

    /// <summary>Those that an earlier start made, or new ones.</summary>
    /// <param name="earlier">Null: nothing was ever started here.</param>
    /// <param name="password">Of both.</param>
    public static async Task<DemoPeople> EnsureAsync(RunFile? earlier, string url, string platformKey, string organization, string password,
        CancellationToken ct)
    {
        using var platform = new BspClient(url, platformKey, organization);
        var there = (await platform.GetAsync($"/v1/users?limit={UsersMax}", ct))["data"]!.AsArray()
            .Select(user => user!["email"]!.GetValue<string>()).ToHashSet();
        return new(await OneAsync(platform, there, earlier?.AdminEmail, "demo", "admin", password, ct),
            await OneAsync(platform, there, earlier?.StaffEmail, "platform", "super_admin", password, ct));
    }

    // The plain name, unless somebody of another organization has it: a demo that was left half made.
    private static async Task<string> OneAsync(BspClient platform, HashSet<string> there, string? known, string name, string role,
        string password, CancellationToken ct)
    {
        if (known is not null && there.Contains(known))
        {
            return known;
        }

        var mark = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));
        foreach (var email in new[] { $"{name}@example.com", $"{name}-{mark}@example.com" })
        {
            var person = new JsonObject { ["email"] = email, ["role"] = role, ["password"] = password, ["first_name"] = "Demo",
                ["last_name"] = role == "admin" ? "Admin" : "Platform" };
            if (await platform.TriesAsync("/v1/users", person, "user.email_taken", ct))
            {
                return email;
            }
        }

        throw new Obstacle("The demo's people could not be made: their e-mails are all taken.");
    }
}
