using System.Diagnostics;
using System.Text;
using Bsp.IntegrationTests.Contacts;

namespace Bsp.IntegrationTests.Imports;

/// <summary>Prints what an import of many rows takes; run with BSP_TEST_IMPORT_ROWS=1000000.</summary>
public sealed class ImportSpeedTests(ContactsDatabase database) : IClassFixture<ContactsDatabase>
{
    [Fact]
    public async Task Many_rows_go_in_in_bounded_memory()
    {
        var rows = int.TryParse(Environment.GetEnvironmentVariable("BSP_TEST_IMPORT_ROWS"), out var asked) ? asked : 30_000;
        var organization = await database.NewOrganizationAsync();
        var csv = new StringBuilder("phone_number,first_name,last_name,email,consent_status,tags,custom.city\n");
        for (var n = 0; n < rows; n++)
        {
            csv.Append(n % 100 == 7 ? $"bad{n},,,,,,\n"
                : $"+49151{n:D8},First{n},Last{n},person{n}@example.com,OPTED_IN,new;spring,City{n % 50}\n");
        }

        var bytes = Encoding.UTF8.GetBytes(csv.ToString());
        csv.Clear();
        var watch = Stopwatch.StartNew();
        var id = await database.StageAsync(organization, bytes);
        var staged = watch.Elapsed;
        watch.Restart();
        await database.Worker().WorkAsync(TestContext.Current.CancellationToken);
        var carried = watch.Elapsed;
        TestContext.Current.SendDiagnosticMessage(
            $"staged {rows / staged.TotalSeconds:F0} rows/s, carried {rows / carried.TotalSeconds:F0} rows/s, working set {Environment.WorkingSet >> 20} MB");
        var import = await database.ImportAsync(organization, id);
        (import.Status, import.Total, import.Done).ShouldBe(("completed", rows, rows));
        import.Rejected.ShouldBe((rows + 92) / 100);
    }
}
