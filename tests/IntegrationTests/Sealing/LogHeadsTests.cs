using System.Text;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sealing;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using NSec.Cryptography;

namespace Bsp.IntegrationTests.Sealing;

/// <summary>What an outsider sees of the seals, and needs nothing else to check.</summary>
public sealed class LogHeadsTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task Heads_are_shown_to_their_organization_and_verify_with_the_published_key_alone()
    {
        var (organization, neighbour) = (await app.NewOrganizationAsync(), await app.NewOrganizationAsync());
        await using (var command =
            app.Admin.CreateCommand("UPDATE mt_events SET timestamp = timestamp - interval '2 days' WHERE tenant_id = $1"))
        {
            command.Parameters.Add(new() { Value = organization.Id.ToString() });
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }

        await using var readers = new LogReaders(new());
        var shards = app.Services.GetRequiredService<Shards>();
        var sealer =
            new LogSealer(shards, readers, app.Services.GetRequiredService<LogSigner>(), TimeProvider.System,
                NullLogger<LogSealer>.Instance);
        await Patience.UntilAsync(async () =>
        {
            await sealer.SweepAsync(shards.All[0], TestContext.Current.CancellationToken);
            return await organization.Reader.SendAsync("GET", "/v1/log/heads");
        }, answer => answer["data"].GetArrayLength() == 1, "the day is sealed");

        var head = (await organization.Reader.SendAsync("GET", "/v1/log/heads"))["data"][0];
        var keys = (await app.Anonymous.SendAsync("GET", "/.well-known/bsp-log-keys"))["keys"].EnumerateArray()
            .ToDictionary(k => k.GetProperty("key_id").GetString()!, k =>
                Convert.FromBase64String(k.GetProperty("public_key").GetString()!));
        var content = Encoding.UTF8.GetBytes(head.GetProperty("content").GetString()!);
        var key = PublicKey.Import(SignatureAlgorithm.Ed25519, keys[head.GetProperty("key_id").GetString()!], KeyBlobFormat.RawPublicKey);
        SignatureAlgorithm.Ed25519.Verify(key, content, Convert.FromBase64String(head.GetProperty("signature").GetString()!))
            .ShouldBeTrue();
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content)).ShouldBe(head.GetProperty("head").GetString());
        head.GetProperty("content").GetString()!.ShouldContain(head.GetProperty("root").GetString()!);
        (await neighbour.Reader.SendAsync("GET", "/v1/log/heads"))["data"].EnumerateArray()
            .ShouldAllBe(h => h.GetProperty("content").GetString()!.Contains(neighbour.Id.ToString()));
    }
}
