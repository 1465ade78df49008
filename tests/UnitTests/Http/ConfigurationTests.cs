using Bsp.Infrastructure.Configuration;
using Microsoft.Extensions.Configuration;
using Npgsql;

namespace Bsp.UnitTests.Http;

public sealed class ConfigurationTests
{
    private static readonly Dictionary<string, string?> Good = new()
    {
        ["ConnectionStrings:Directory"] = "Host=127.0.0.1;Database=bsp;Username=postgres;Password=owner",
        ["Bsp:PlatformKey"] = "a-key-of-sixteen-and-more",
        ["Bsp:MasterKey"] = Convert.ToBase64String(new byte[32]),
    };

    private static IConfiguration With(params (string Name, string? Value)[] changes) =>
        new ConfigurationBuilder()
        .AddInMemoryCollection(Good.Select(p => (Name: p.Key, p.Value)).Concat(changes).GroupBy(p => p.Name)
            .ToDictionary(g => g.Key, g => g.Last().Value)).Build();

    [Fact]
    public void The_application_connects_as_bsp_app_with_the_derived_password()
    {
        var options = BspConfiguration.Read(With(), development: false);
        var app = new NpgsqlConnectionStringBuilder(options.DirectoryApp);
        app.Username.ShouldBe("bsp_app");
        app.Password.ShouldBe(BspConfiguration.AppPassword(new byte[32]));
        options.Shards.Count.ShouldBe(1);
        options.Shards[0].Name.ShouldBe("default");
        options.MigrateAtStart.ShouldBeTrue();
        options.Meta.BaseUrl.ShouldBe(new Uri("https://graph.facebook.com/v25.0"));
    }

    [Fact]
    public void Shards_are_named_and_share_the_given_credentials()
    {
        var options =
            BspConfiguration.Read(With(("ConnectionStrings:DirectoryApp", "Host=d;Username=bsp_app;Password=p"),
                ("Bsp:Shards:A-M", "Host=one;Username=postgres"), ("Bsp:Shards:N-Z", "Host=two;Username=postgres")), development: false);
        options.Shards.Select(s => s.Name).ShouldBe(["A-M", "N-Z"]);
        options.Shards.Select(s => new NpgsqlConnectionStringBuilder(s.App))
            .ShouldAllBe(app => app.Username == "bsp_app" && app.Password == "p");
    }

    [Fact]
    public void A_replica_is_read_as_the_shards_own_role_and_belongs_to_a_shard_that_is_named()
    {
        var options = BspConfiguration.Read(With(("Bsp:Shards:A-M", "Host=one"), ("Bsp:Shards:N-Z", "Host=two"),
            ("Bsp:Replicas:N-Z", "Host=near;Username=postgres"), ("Bsp:ReplicaLagMs", "500")), development: false);
        options.Shards[0].Replica.ShouldBeNull();
        new NpgsqlConnectionStringBuilder(options.Shards[1].Replica).ShouldSatisfyAllConditions(r => r.Host.ShouldBe("near"), r =>
            r.Username.ShouldBe("bsp_app"));
        options.ReplicaLagMax.ShouldBe(TimeSpan.FromMilliseconds(500));
        Should.Throw<ConfigurationFault>(() => BspConfiguration.Read(With(("Bsp:Replicas:N-Z", "Host=near")), development: false))
            .Faults.ShouldHaveSingleItem().ShouldContain("Bsp:Replicas:N-Z");
    }

    [Fact]
    public void Every_fault_is_one_sentence_and_all_are_told_at_once()
    {
        var fault = Should.Throw<ConfigurationFault>(() =>
            BspConfiguration.Read(With(("ConnectionStrings:Directory", null), ("Bsp:PlatformKey", "short"), ("Bsp:MasterKey", "?"),
                ("Bsp:Meta:BaseUrl", "ftp://x"),
            ("Bsp:MigrateAtStart", "maybe"), ("Bsp:Limits:KeyPerSecond", "0")), development: false));
        fault.Faults.Count.ShouldBe(6);
        fault.Faults.ShouldAllBe(sentence => sentence.EndsWith('.') && !sentence.Contains('\n'));
    }

    [Fact]
    public void Master_keys_come_from_a_file_the_current_one_first()
    {
        var file = Path.GetTempFileName();
        try
        {
            var (first, second) = (Enumerable.Repeat((byte)1, 32).ToArray(), Enumerable.Repeat((byte)2, 32).ToArray());
            File.WriteAllText(file, $"# rotated today\n{Convert.ToBase64String(first)}\n\n{Convert.ToBase64String(second)}\n");
            var options = BspConfiguration.Read(With(("Bsp:MasterKey", null), ("Bsp:MasterKeyFile", file)), development: false);
            options.MasterKey.ShouldBe(first);
            options.OldMasterKeys.ShouldBe([second]);

            Faults(("Bsp:MasterKeyFile", file)).ShouldContain("leave one of them out");
            File.WriteAllText(file, "# nothing\n");
            Faults(("Bsp:MasterKey", null), ("Bsp:MasterKeyFile", file)).ShouldContain("must be base64");
            File.WriteAllText(file, Convert.ToBase64String(first) + "\nAAAA");
            Faults(("Bsp:MasterKey", null), ("Bsp:MasterKeyFile", file)).ShouldContain("Each further key");
        }
        finally
        {
            File.Delete(file);
        }

        Faults(("Bsp:MasterKey", null), ("Bsp:MasterKeyFile", file)).ShouldContain("cannot be read");
    }

    [Fact]
    public void Proxies_are_addresses_or_networks()
    {
        BspConfiguration.Read(With(("Bsp:TrustedProxies", "10.0.0.0/8, 192.0.2.7, ::1")), development: false).TrustedProxies.Select(p =>
            p.ToString()).ShouldBe(["10.0.0.0/8", "192.0.2.7/32", "::1/128"]);
        Faults(("Bsp:TrustedProxies", "nobody")).ShouldContain("'nobody' is neither");
    }

    private static string Faults(params (string Name, string? Value)[] changes) =>
        Should.Throw<ConfigurationFault>(() => BspConfiguration.Read(With(changes), development: false)).Faults.Single();
}
