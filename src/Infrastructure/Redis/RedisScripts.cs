namespace Bsp.Infrastructure.Redis;

/// <summary>Scripts of one key each, so that they run on a cluster too.</summary>
internal static class RedisScripts
{
    public static readonly string RateLimit = Text("rate_limit");
    public static readonly string RateLower = Text("rate_lower");
    public static readonly string RateReturn = Text("rate_return");
    public static readonly string Pair = Text("pair");
    public static readonly string Lock = Text("lock");
    public static readonly string LockTake = Text("lock_take");
    public static readonly string CachePut = Text("cache_put");

    private static string Text(string name)
    {
        using var stream = typeof(RedisScripts).Assembly.GetManifestResourceStream($"Bsp.Infrastructure.Redis.Lua.{name}.lua")
            ?? throw new InvalidOperationException($"The script {name}.lua is not embedded in the assembly.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
