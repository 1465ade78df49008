using System.Security.Cryptography;
using Bsp.Application.Common;
using Bsp.Infrastructure.Objects;

namespace Bsp.IntegrationTests.Media;

/// <summary>
/// The same of every place where files lie: a directory, S3 as an in-process responder that checks signatures, and the server that
/// BSP_TEST_S3 names (<c>endpoint bucket access-key secret-key</c>).
/// </summary>
public sealed class ObjectStoreTests
{
    public static TheoryData<string> Places => ["directory", "s3", "server"];

    [Theory]
    [MemberData(nameof(Places))]
    public async Task What_is_put_is_there_whole_until_it_is_removed(string place)
    {
        await using var kept = await KeptAsync(place);
        var (store, root, ct) = (kept.Store, $"test-{Guid.NewGuid():N}", CancellationToken.None);
        var large = RandomNumberGenerator.GetBytes(300_000);
        await store.PutAsync($"{root}/a/one", new MemoryStream(large), ct);
        await store.PutAsync($"{root}/a/two.bin", new MemoryStream("2"u8.ToArray()), ct);
        await store.PutAsync($"{root}/a-b/three", new MemoryStream([]), ct);
        await store.PutAsync($"{root}/b", new MemoryStream("old"u8.ToArray()), ct);
        await store.PutAsync($"{root}/b", new MemoryStream("new"u8.ToArray()), ct);
        (await ReadAsync(store, $"{root}/a/one", 0)).ShouldBe(large);
        (await ReadAsync(store, $"{root}/a/one", 299_990)).ShouldBe(large[299_990..]);
        (await ReadAsync(store, $"{root}/b", 0)).ShouldBe("new"u8.ToArray());
        (await store.ListAsync($"{root}/a/", ct).ToListAsync(ct)).ShouldBe([$"{root}/a/one", $"{root}/a/two.bin"]);
        (await store.ListAsync($"{root}/", ct).ToListAsync(ct)).Count.ShouldBe(4);
        foreach (var key in new[] { "a/one", "a/two.bin", "a-b/three", "b" })
        {
            await store.DeleteAsync($"{root}/{key}", ct);
            await store.DeleteAsync($"{root}/{key}", ct);
            (await store.OpenAsync($"{root}/{key}", 0, ct)).ShouldBeNull();
        }

        (await store.ListAsync($"{root}/", ct).ToListAsync(ct)).ShouldBeEmpty();
        kept.S3?.Refused.ShouldBe(0);
    }

    [Theory]
    [InlineData("../escape")]
    [InlineData("a/../../escape")]
    [InlineData("/etc/passwd")]
    [InlineData("a//b")]
    [InlineData(".unfinished/x")]
    [InlineData("A")]
    [InlineData("a b")]
    [InlineData("")]
    public async Task No_key_leads_out_of_the_store(string key)
    {
        await using var kept = await KeptAsync("directory");
        await Should.ThrowAsync<ArgumentException>(() => kept.Store.PutAsync(key, new MemoryStream([1]), CancellationToken.None));
        await Should.ThrowAsync<ArgumentException>(() => kept.Store.OpenAsync(key, 0, CancellationToken.None));
        await Should.ThrowAsync<ArgumentException>(() => kept.Store.DeleteAsync(key, CancellationToken.None));
    }

    [Fact]
    public async Task A_file_that_breaks_off_leaves_nothing_and_the_one_that_was_there()
    {
        await using var kept = await KeptAsync("directory");
        await kept.Store.PutAsync("a/b", new MemoryStream([1]), CancellationToken.None);
        await Should.ThrowAsync<StoreUnavailable>(() => kept.Store.PutAsync("a/b", new Breaking(), CancellationToken.None));
        (await ReadAsync(kept.Store, "a/b", 0)).ShouldBe([1]);
        Directory.EnumerateFiles(kept.Folder!, "*", SearchOption.AllDirectories).Count().ShouldBe(1);
    }

    [Fact]
    public async Task A_server_that_is_away_or_refuses_the_key_is_a_store_that_is_away()
    {
        await using var kept = await KeptAsync("s3");
        using var stranger = new S3Objects(Options(kept.S3!.Address, S3Responder.Bucket, S3Responder.AccessKey, "another secret key"));
        (await Should.ThrowAsync<StoreUnavailable>(() => stranger.PutAsync("a", new MemoryStream([1]), CancellationToken.None)))
            .Store.ShouldBe("objects");
        kept.S3.Refused.ShouldBeGreaterThan(0);
        kept.S3.Unavailable = 1;
        await kept.Store.PutAsync("a", new MemoryStream([1]), CancellationToken.None); // once is tried again
        kept.S3.Unavailable = 100;
        await Should.ThrowAsync<StoreUnavailable>(() => kept.Store.OpenAsync("a", 0, CancellationToken.None));
    }

    private static async Task<byte[]> ReadAsync(IObjectStore store, string key, long offset)
    {
        await using var stream = (await store.OpenAsync(key, offset, CancellationToken.None)).ShouldNotBeNull();
        using var all = new MemoryStream();
        await stream.CopyToAsync(all);
        return all.ToArray();
    }

    private static S3Options Options(Uri endpoint, string bucket, string key, string secret) =>
        new(bucket, "us-east-1", endpoint, key, secret, "some/prefix", PathStyle: true);

    private static async Task<Kept> KeptAsync(string place)
    {
        switch (place)
        {
            case "directory":
                var folder = Directory.CreateTempSubdirectory("bsp-objects-").FullName;
                return new(new DirectoryObjects(folder), folder, null);
            case "s3":
                var responder = await S3Responder.StartAsync();
                var options = Options(responder.Address, S3Responder.Bucket, S3Responder.AccessKey, S3Responder.SecretKey);
                return new(new S3Objects(options), null, responder);
            default:
                var given = Environment.GetEnvironmentVariable("BSP_TEST_S3")?.Split(' ');
                Assert.SkipUnless(given is { Length: 4 }, "BSP_TEST_S3 names no server.");
                return new(new S3Objects(Options(new(given![0]), given[1], given[2], given[3])), null, null);
        }
    }

    private sealed record Kept(IObjectStore Store, string? Folder, S3Responder? S3) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            (Store as IDisposable)?.Dispose();
            if (Folder is not null)
            {
                Directory.Delete(Folder, recursive: true);
            }

            await (S3?.DisposeAsync() ?? default);
        }
    }

    private sealed class Breaking : MemoryStream
    {
        public override Task CopyToAsync(Stream destination, int bufferSize, CancellationToken cancellationToken) =>
            throw new IOException("it broke off");
    }
}
