using Bsp.Application.Common;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Bsp.Api.Operations;

/// <summary>The verb <c>openapi</c>: needs neither stores nor settings.</summary>
public static class PrintOpenApi
{
    /// <summary>Good for describing routes, for nothing else: nothing is connected to.</summary>
    public static BspOptions Options { get; } = new()
    {
        DirectoryApp = "Host=127.0.0.1",
        Shards = [new("default", null, "Host=127.0.0.1")],
        PlatformKeySha256 = new byte[32],
        MasterKey = new byte[32],
        Meta = new() { BaseUrl = new("https://graph.facebook.com/v25.0") },
    };

    /// <summary>The document as JSON.</summary>
    public static async Task<string> RunAsync(WebApplication app)
    {
        await using (app)
        {
            // The description of routes is made from what UseEndpoints collects; without it that happens at the start of a server, and
            // there is none.
            ((IApplicationBuilder)app).UseEndpoints(_ => { });
            var document = await app.Services.GetRequiredKeyedService<IOpenApiDocumentProvider>("v1").GetOpenApiDocumentAsync();
            return await document.SerializeAsJsonAsync(OpenApiSpecVersion.OpenApi3_1);
        }
    }
}
