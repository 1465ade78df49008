using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Sharding;

/// <summary>
/// The application on Redis servers of its own, in a form that its fixture gives them. Where Redis is not installed it is as ever, and the
/// test says so.
/// </summary>
public abstract class OwnRedisApp(StoresFixture stores) : AppFixture(stores)
{
    private protected DirectoryInfo Folder { get; } = Directory.CreateTempSubdirectory("bsp-own-redis-");

    private protected RedisPrograms Programs { get; } = new();

    /// <summary>Starts them, and waits until they are what they are to be.</summary>
    protected abstract Task StartRedisAsync();

    public override async ValueTask InitializeAsync()
    {
        if (RedisPrograms.Are)
        {
            await StartRedisAsync();
        }

        await base.InitializeAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await Programs.DisposeAsync();
        Folder.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }
}
