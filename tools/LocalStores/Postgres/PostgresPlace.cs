using System.Security.Cryptography;
using System.Text;
using Bsp.LocalStores.Common;

namespace Bsp.LocalStores.Postgres;

/// <summary>
/// Where a cluster lies and who runs it. PostgreSQL refuses root, so root runs it as user <c>postgres</c>; where that user cannot enter our
/// directory
/// (a checkout under /root) the cluster lies in the user's home instead, and <c>postgres.place</c> in our directory says where.
/// </summary>
/// <param name="Root">Holds <c>data</c> (the cluster) and <c>password</c>.</param>
/// <param name="User">Account to run as; null: ours.</param>
internal sealed record PostgresPlace(string Root, string? User)
{
    private const string DebianUser = "postgres";
    private const string Note = "postgres.place";

    public string Data => Path.Combine(Root, "data");

    public string Password => Path.Combine(Root, "password");

    /// <exception cref="Obstacle">we are root and there is no user postgres, or its home is not to be used</exception>
    public static async Task<PostgresPlace> InAsync(string directory, CancellationToken ct)
    {
        if (Environment.UserName != "root")
        {
            var own = Path.Combine(directory, "postgres");
            Directory.CreateDirectory(own, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            return new PostgresPlace(own, null);
        }

        var root = Noted(directory) ?? await ChooseAsync(directory, ct);
        await Command.MustRunAsync("install", ["-d", "-m", "0700", "-o", DebianUser, "-g", DebianUser, root], null, ct);
        return new PostgresPlace(root, DebianUser);
    }

    /// <summary>The place outside that the directory's note names; null: the cluster lies inside or there is none.</summary>
    public static string? Noted(string directory) =>
        File.Exists(Path.Combine(directory, Note)) ? File.ReadAllText(Path.Combine(directory, Note)).Trim() : null;

    private static async Task<string> ChooseAsync(string directory, CancellationToken ct)
    {
        var (entered, _) =
            await Command.RunAsync("setpriv", ["--reuid", DebianUser, "--regid", DebianUser, "--init-groups", "test", "-x", directory],
                null, ct);
        if (entered == 0)
        {
            return Path.Combine(directory, "postgres");
        }

        var (code, entry) = await Command.RunAsync("getent", ["passwd", DebianUser], null, ct);
        if (code != 0)
        {
            throw new Obstacle(
                "PostgreSQL refuses root and there is no user 'postgres' to run it as: run scripts/prepare, or start as an ordinary user.");
        }

        // The home belongs to that user alone: unlike a name in a directory open to all, nobody can have laid a trap there.
        var home = entry.Split(':')[5];
        var outside = Path.Combine(home, "bsp-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(directory)))[..16]);
        await File.WriteAllTextAsync(Path.Combine(directory, Note), outside + "\n", ct);
        return outside;
    }
}
