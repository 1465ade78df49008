using Bsp.LocalStores.Common;
using Bsp.LocalStores.Up;

namespace Bsp.LocalStores.Listen;

/// <param name="To">Where events are posted; null: they are printed alone.</param>
/// <param name="Types">As <c>?types=</c>; null: all.</param>
internal sealed record ListenOptions(string Url, string Key, Uri? To, string? Types)
{
    private const string Usage =
        "usage: ./run listen [--to http://127.0.0.1:9000/hook] [--types message.*,campaign.*] [--url https://bsp.example.com --key bsp_…]   (BSP_URL and BSP_KEY do as well)";

    /// <exception cref="Obstacle">What was given makes no sense, or nothing runs here and no installation was named.</exception>
    public static ListenOptions Read(string[] arguments)
    {
        var given = new Dictionary<string, string>();
        for (var i = 0; i < arguments.Length; i += 2)
        {
            if (i + 1 == arguments.Length || arguments[i] is not ("--to" or "--types" or "--url" or "--key")
                || !given.TryAdd(arguments[i], arguments[i + 1]))
            {
                throw new Obstacle(Usage);
            }
        }

        Uri? to = null;
        if (given.TryGetValue("--to", out var target)
            && (!Uri.TryCreate(target, UriKind.Absolute, out to) || to.Scheme is not ("http" or "https")))
        {
            throw new Obstacle($"--to must be an http or https address; '{target}' is none. {Usage}");
        }

        var (url, key) = (given.GetValueOrDefault("--url") ?? Variable("BSP_URL"), given.GetValueOrDefault("--key") ?? Variable("BSP_KEY"));
        if (url is null || key is null)
        {
            var run = RunFile.Read(Path.Combine(Checkout.Root ?? throw new Obstacle(Usage), ".local"))
                ?? throw new Obstacle(
                    "Nothing is running here yet: start ./run in another terminal and wait until it says 'Bsp is up', or name an installation with --url and --key.");
            (url, key) = (url ?? run.Url, key ?? run.ApiKey);
        }

        return new(url, key, to, given.GetValueOrDefault("--types"));
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
