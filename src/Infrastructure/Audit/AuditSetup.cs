using Bsp.Application.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Audit;

/// <summary>Administrative acts on record.</summary>
internal static class AuditSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<AuditLog>();
    }
}
