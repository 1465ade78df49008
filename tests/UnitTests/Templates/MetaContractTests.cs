using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Bsp.UnitTests.Templates;

public sealed class MetaContractTests
{
    // A copy of the contract's folder with its packages installed (cp -r, npm i): validate.mjs, patched.yaml, node_modules.
    private static readonly string? Contract = Environment.GetEnvironmentVariable("BSP_TEST_META_CONTRACT");

    [Fact]
    public async Task Every_template_we_build_passes_Metas_own_schema()
    {
        Assert.SkipUnless(Directory.Exists($"{Contract}/node_modules"),
            "BSP_TEST_META_CONTRACT names no installed copy of Meta's contract.");
        var folder = Directory.CreateTempSubdirectory("bsp-contract");
        try
        {
            var files = TemplateBodyTests.Samples().Select((template, i) =>
            {
                var file = Path.Combine(folder.FullName, $"{i}.json");
                File.WriteAllText(file,
                    new JsonObject { ["messaging_product"] = "whatsapp", ["recipient_type"] = "individual", ["to"] = "+4915112345678",
                        ["type"] = "template", ["template"] = template }.ToJsonString());
                return file;
            }).ToList();
            using var node =
                Process.Start(new ProcessStartInfo("node",
                    ["validate.mjs", "patched.yaml", "Message", .. files]) { WorkingDirectory = Contract, RedirectStandardOutput = true })!;
            var said = await node.StandardOutput.ReadToEndAsync();
            await node.WaitForExitAsync();
            node.ExitCode.ShouldBe(0, said);
            said.ShouldContain($"{files.Count}/{files.Count} ok");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
