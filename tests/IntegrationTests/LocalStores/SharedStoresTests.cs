using System.Net.Http.Headers;
using System.Text;
using Bsp.IntegrationTests.Common;
using Npgsql;
using StackExchange.Redis;

namespace Bsp.IntegrationTests.LocalStores;

public sealed class SharedStoresTests(StoresFixture fixture)
{
    [Fact]
    public async Task PostgreSQL_answers_and_is_new_enough()
    {
        await using var connection = new NpgsqlConnection(fixture.Stores.Postgres);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        connection.PostgreSqlVersion.Major.ShouldBeGreaterThanOrEqualTo(15);
    }

    [Fact]
    public async Task A_database_of_its_own_is_empty()
    {
        var database = await fixture.Stores.CreateDatabaseAsync($"t_{Guid.NewGuid():N}", TestContext.Current.CancellationToken);
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var count = new NpgsqlCommand("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", connection);
        (await count.ExecuteScalarAsync(TestContext.Current.CancellationToken)).ShouldBe(0L);
    }

    [Fact]
    public async Task Redis_answers()
    {
        await using var redis = await ConnectionMultiplexer.ConnectAsync(fixture.Stores.Redis);
        (await redis.GetDatabase().ExecuteAsync("PING")).ToString().ShouldBe("PONG");
    }

    [Fact]
    public async Task ClickHouse_answers_its_user()
    {
        var (status, body) = await AskAsync("SELECT currentUser(), currentDatabase()", named: true);
        body.ShouldBe("bsp\tbsp\n");
        status.ShouldBe(200);
    }

    [Fact]
    public async Task ClickHouse_answers_nobody_without_the_password()
    {
        SkipUnlessOurs();
        var (status, _) = await AskAsync("SELECT 1", named: false);
        status.ShouldBe(404);
    }

    [Fact]
    public async Task ClickHouse_reads_no_files_for_its_user()
    {
        SkipUnlessOurs();
        var (status, body) = await AskAsync("SELECT * FROM file('/etc/hostname', LineAsString)", named: true);
        body.ShouldContain("ACCESS_DENIED");
        status.ShouldNotBe(200);
    }

    private static void SkipUnlessOurs() =>
        Assert.SkipWhen(Environment.GetEnvironmentVariable("BSP_TEST_CLICKHOUSE") is { Length: > 0 },
            "A server from the environment has its own users and rights.");

    private async Task<(int Status, string Body)> AskAsync(string query, bool named)
    {
        var address = new Uri(fixture.Stores.ClickHouse);
        using var http = new HttpClient();
        using var request =
            new HttpRequestMessage(HttpMethod.Post,
                new UriBuilder(address) { UserName = "", Password = "" }.Uri) { Content = new StringContent(query) };
        if (named)
        {
            request.Headers.Authorization =
                new AuthenticationHeaderValue("Basic",
                    Convert.ToBase64String(Encoding.ASCII.GetBytes(Uri.UnescapeDataString(address.UserInfo))));
        }

        using var answer = await http.SendAsync(request, TestContext.Current.CancellationToken);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
