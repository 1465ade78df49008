using System.Security.Cryptography;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Privacy;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EventStore;

namespace Bsp.IntegrationTests.Privacy;

public sealed class PersonalDataTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static readonly byte[] Key = SHA256.HashData("one"u8);

    private static BspOptions Options(byte[] master, params byte[][] old) => new()
    {
        DirectoryApp = "",
        Shards = [],
        PlatformKeySha256 = [],
        MasterKey = master,
        OldMasterKeys = old,
        Meta = new() { BaseUrl = new("https://graph.facebook.com/v25.0") },
    };

    [Fact]
    public async Task What_is_sealed_opens_until_its_key_is_destroyed()
    {
        var organization = await database.NewOrganizationAsync();
        var (one, other) = (Uuid.New(), Uuid.New());
        using var data = new PersonalData(database.Shards, new(Options(Key)));
        var sealedData = await data.SealAsync(organization, [(one, "Ana"), (other, "Бorиs"), (one, "")], CancellationToken.None);
        sealedData[0].KeyId.ShouldBe(sealedData[2].KeyId);
        (await data.OpenAsync(organization, sealedData, CancellationToken.None)).ShouldBe(["Ana", "Бorиs", ""]);

        await database.AdminQueryAsync("DELETE FROM bsp.contact_keys WHERE contact_id = $1 RETURNING 1", _ => 1, one);
        data.Forget(organization, one);
        (await data.OpenAsync(organization, sealedData, CancellationToken.None)).ShouldBe([null, "Бorиs", null]);
    }

    [Fact]
    public async Task Many_who_seal_at_once_share_one_key_a_contact()
    {
        var organization = await database.NewOrganizationAsync();
        var contacts = Enumerable.Range(0, 20).Select(_ => Uuid.New()).ToList();
        var sealedByAll = await Task.WhenAll(Enumerable.Range(0, 10).Select(async _ =>
        {
            using var data = new PersonalData(database.Shards, new(Options(Key)));
            return await data.SealAsync(organization, contacts.Select(c => (c, "x")).ToList(), CancellationToken.None);
        }));
        sealedByAll.ShouldAllBe(s => s.Select(d => d.KeyId).SequenceEqual(sealedByAll[0].Select(d => d.KeyId)));
    }

    [Fact]
    public async Task Another_organization_cannot_open_it()
    {
        var (one, other) = (await database.NewOrganizationAsync(), await database.NewOrganizationAsync());
        using var data = new PersonalData(database.Shards, new(Options(Key)));
        var sealedData = await data.SealAsync(one, [(Uuid.New(), "Ana")], CancellationToken.None);
        (await data.OpenAsync(other, sealedData, CancellationToken.None)).ShouldBe([null]);
    }

    [Fact]
    public async Task After_a_rotation_the_old_master_key_still_opens()
    {
        var organization = await database.NewOrganizationAsync();
        var next = SHA256.HashData("two"u8);
        using var before = new PersonalData(database.Shards, new(Options(Key)));
        var sealedData = await before.SealAsync(organization, [(Uuid.New(), "Ana")], CancellationToken.None);
        using var after = new PersonalData(database.Shards, new(Options(next, Key)));
        (await after.OpenAsync(organization, sealedData, CancellationToken.None)).ShouldBe(["Ana"]);
        using var lost = new PersonalData(database.Shards, new(Options(next)));
        await Should.ThrowAsync<InvalidOperationException>(() => lost.OpenAsync(organization, sealedData, CancellationToken.None));
    }

    [Fact]
    public void Secrets_and_cursors_open_only_as_they_were_made()
    {
        var keys = new MasterKeys(Options(Key));
        var secret = keys.Seal("EAA-token");
        secret.ShouldStartWith($"v1.{keys.CurrentId}.");
        keys.Seal("EAA-token").ShouldNotBe(secret);
        keys.Open(secret).ShouldBe("EAA-token");
        var changed = Convert.FromBase64String(secret.Split('.')[2]);
        changed[^1] ^= 1;
        Should.Throw<CryptographicException>(() => keys.Open($"v1.{keys.CurrentId}.{Convert.ToBase64String(changed)}"));
        Should.Throw<InvalidOperationException>(() => new MasterKeys(Options(SHA256.HashData("two"u8))).Open(secret));

        var cursor = keys.Sign("scope", "after-17");
        keys.Open("scope", cursor).ShouldBe("after-17");
        keys.Open("other scope", cursor).ShouldBeNull();
        keys.Open("scope", cursor[..^1]).ShouldBeNull();
        keys.Open("scope", "%%%").ShouldBeNull();
    }
}
